import { type Bundle, bundleWorker } from '../bundle.ts'
import { LOCAL_REGION, type Payos, startPayos } from '../payos.ts'
import type { Secrets } from '../secrets.ts'
import { seeded } from '../seeded.ts'
import { type LedgerDatabase, openLedger, prepareLedger } from './ledger.ts'
import { endpointsAt, openMarket } from './market.ts'
import type { DevOptions } from './options.ts'
import { type Official, openSdkExample, pairsAt, SDK_PATH } from './pairs.ts'
import { claimPorts, type Ports } from './ports.ts'
import type { Screen } from './screen.ts'
import type { Services } from './services.ts'
import { type DevFile, keptSecrets } from './state.ts'

const MINUTE_MS = 60_000

export type Stack = { dev: DevFile; edges: string[]; secrets: Secrets; official: Official }

type Plan = {
  options: DevOptions
  services: Services
  screen: Screen
  /** Takes what ends each part, as soon as it runs; to be called last one first. */
  onStarted: (stop: () => Promise<void>) => void
}

/** Starts every part, in order, and tells where each is. What fails leaves the others to `onStarted`. */
export async function startStack(plan: Plan): Promise<Stack> {
  const { screen, services } = plan
  const secrets = await keptSecrets(Math.floor(Date.now() / 1000))
  const building = bundleWorker()
  building.catch(() => undefined)
  const ledger = await screen.step('Postgres', () => openLedger(services))
  plan.onStarted(() => ledger.postgres.stop())
  await screen.step('ledger and seed', () => prepareLedger(ledger, screen))
  const { ports, release } = await claimPorts((line) => screen.line(`  ${line}`))
  const edge = await screen.step('Worker and stand-ins', async () =>
    startEdge(plan, { ports, secrets, ledger, bundle: await building }),
  )
  plan.onStarted(edge.stop)

  const dev = describe(edge, { services, secrets, ledger, ports })
  const operator = { ...dev, token: dev.operator.token }
  const { origin } = new URL(dev.echo)
  const endpoints = await endpointsAt(origin, operator)
  const { sdk, official } = await pairsAt(origin, operator)
  const others = { [SDK_PATH]: openSdkExample(dev.edge, sdk) }
  const market = await openMarket(dev.edge, ports.provider, { endpoints, others })
  plan.onStarted(market.stop)
  await release()
  const edges = edge.edges.edges.map(({ url }) => url)
  const provider = { ...dev.provider, endpointIds: endpoints }
  return { dev: { ...dev, provider }, edges, secrets, official }
}

type Parts = { ports: Ports; secrets: Secrets; ledger: LedgerDatabase; bundle: Bundle }

/** The Worker before its backends, with the secrets that are kept, and a cron that ticks. */
async function startEdge({ options, services, screen }: Plan, parts: Parts): Promise<Payos> {
  const { ports, secrets, ledger, bundle } = parts
  const { redis, qstash, supabase, redisUrl } = services
  const payos = await startPayos({
    databaseUrl: ledger.gatewayUrl,
    bundle,
    issuer: `http://127.0.0.1:${ports.edge}`,
    locations: Array.from({ length: options.edges }, (_, at) => (at ? `local-${at + 1}` : 'local')),
    ports: { ...ports, postgrest: ports.gateway },
    ...(redisUrl && { redisUrl }),
    bindings: {
      EDGE_DATABASE_TOKEN: supabase?.edgeToken ?? secrets.edgeToken,
      DRAIN_DATABASE_TOKEN: supabase?.drainToken ?? secrets.drainToken,
      PROOF_KEYS: secrets.proofKeys,
      METRICS_TOKEN: secrets.metricsToken,
      ...(supabase && {
        SUPABASE_URL: supabase.url,
        SUPABASE_PUBLISHABLE_KEY: supabase.apiKey,
      }),
      ...(redis && { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token }),
      ...(qstash && {
        QSTASH_URL: qstash.url,
        QSTASH_TOKEN: qstash.token,
        QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
        QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
        QSTASH_DEV: 'its keys may be the public ones',
      }),
    },
  })
  payos.postgrest.replaceKeys({ jwtSecret: secrets.jwtSecret })
  const [first] = payos.edges.edges
  const tick = async () => {
    for (const cron of bundle.crons) {
      await first?.dispatchScheduled(cron).catch((cause) => screen.line(`  cron: ${cause}`))
    }
  }
  const ticker = setInterval(tick, MINUTE_MS)
  return {
    ...payos,
    async stop() {
      clearInterval(ticker)
      await payos.stop()
    },
  }
}

/** The seeded parties and the addresses they act at. */
function describe(
  payos: Payos,
  from: { services: Services; secrets: Secrets; ledger: LedgerDatabase; ports: Ports },
): DevFile {
  const { services, secrets, ledger, ports } = from
  const { id, apiKey, wallets, privateJwk } = seeded.agents.signing
  const { weather } = seeded.providers
  const { supabase, redis, qstash } = services
  return {
    edge: payos.issuer,
    jwks: `${payos.issuer}/.well-known/jwks.json`,
    echo: `http://127.0.0.1:${ports.provider}/weather`,
    agent: { id, apiKey, walletId: wallets.USDC, privateJwk },
    provider: { id: weather.id, apiKey: weather.apiKey, endpointIds: {} },
    operator: { token: supabase?.operatorToken ?? secrets.operatorToken },
    metricsToken: secrets.metricsToken,
    postgres: ledger.ownerUrl,
    supabase: supabase?.url ?? payos.postgrest.url,
    supabaseKey: supabase?.apiKey ?? payos.secrets.publishableKey,
    redis: redis?.url ?? payos.redis.url,
    redisToken: redis?.token ?? payos.secrets.redisToken,
    region: LOCAL_REGION,
    qstash: qstash?.url ?? payos.qstash.url,
  }
}
