import { randomBytes } from 'node:crypto'
import type { Bundle } from './bundle.ts'
import { MovableClock } from './clock.ts'
import { type Edges, startEdges } from './edges.ts'
import type { Latency } from './latency.ts'
import { makeSecrets, type Secrets } from './secrets.ts'
import { type PostgrestStandIn, startPostgrest } from './stand-ins/postgrest/index.ts'
import { type QstashStandIn, startQstash } from './stand-ins/qstash/index.ts'
import { type RedisStandIn, startRedis } from './stand-ins/redis/index.ts'

/** Of this QStash alone: the Worker refuses the public ones wherever it is not told to take them. */
const qstashKeys = () => ({
  current: `sig_${randomBytes(14).toString('hex')}`,
  next: `sig_${randomBytes(14).toString('hex')}`,
})

export type PayosOptions = {
  /** A migrated database, as the login `authenticator`. */
  databaseUrl: string
  bundle: Bundle
  /** Names of the edges; each is an isolate of its own. Default one. */
  locations?: readonly string[]
  /** Over how many workerd processes, so threads, the edges are spread. Default 1. */
  processes?: number
  latency?: Latency
  /** False runs the Worker alone, with no clock to move. Default true. */
  control?: boolean
  /** Whether a debugger can be attached to each edge. Default false. */
  inspected?: boolean
  /** A Redis server of the user's behind the stand-in's HTTP face. */
  redisUrl?: string
  /** Where leases live, each in a Redis of its own. Default one, everywhere, in the Redis of all. */
  regions?: readonly LeaseRegion[]
  /** On which continent an edge stands, by its name and two letters. */
  continents?: Record<string, string>
  ports?: { edge?: number; postgrest?: number; redis?: number; qstash?: number }
  /** The origin agents and providers know the edges by. */
  issuer?: string
  /** More bindings, over the ones made here. */
  bindings?: Record<string, string>
}

/** The region of leases where none is asked for: they are in the Redis of all. */
export const LOCAL_REGION = 'local'

export type LeaseRegion = { name: string; continents: string[] }

export type Payos = {
  issuer: string
  edges: Edges
  postgrest: PostgrestStandIn
  redis: RedisStandIn
  /** The Redis of each region that was asked for, by the region's name. */
  regions: ReadonlyMap<string, RedisStandIn>
  qstash: QstashStandIn
  clock: MovableClock
  secrets: Secrets
  /** Moves the time of every part but the database's forward. */
  advance: (ms: number) => Promise<void>
  stop: () => Promise<void>
}

/**
 * Starts a PayOS on loopback: the built Worker at its edges before stand-ins of all it depends on.
 *
 * The one seam for the demo, the specs and the benches. The database is the caller's.
 */
export async function startPayos(options: PayosOptions): Promise<Payos> {
  const clock = new MovableClock()
  const secrets = await makeSecrets(Math.floor(clock.now() / 1000))
  const standIns = await startStandIns(options, { clock, secrets })
  const { postgrest, redis, regions, qstash } = standIns
  const stores = [redis, ...regions.values()]
  const issuer = options.issuer ?? 'https://edge.payos.test'
  const edges = await startEdges({
    bundle: options.bundle,
    locations: options.locations,
    processes: options.processes,
    control: options.control,
    inspected: options.inspected,
    continents: options.continents,
    latency: options.latency,
    port: options.ports?.edge,
    backends: {
      [postgrest.url]: 'database',
      [qstash.url]: 'qstash',
      ...Object.fromEntries(stores.map(({ url }) => [url, 'redis'])),
    },
    bindings: {
      ...bindingsOf({ issuer, secrets, postgrest, redis, qstash }),
      LEASE_REGIONS: leaseRegions({ redis, regions, secrets }, options.regions),
      ...options.bindings,
    },
  })
  qstash.host(issuer, edges.edges[0]?.url ?? issuer)
  return {
    issuer,
    edges,
    ...standIns,
    clock,
    secrets,
    async advance(ms) {
      // The edges first: what falls due by the jump is signed for its end.
      await edges.moveClock(clock.offsetMs + ms)
      clock.advance(ms)
    },
    async stop() {
      await edges.stop()
      await Promise.all([postgrest, qstash, ...stores].map((standIn) => standIn.stop()))
    },
  }
}

type Common = Pick<Payos, 'clock' | 'secrets'>

/** All the Worker depends on; its time is the clock's. */
async function startStandIns(
  { databaseUrl, redisUrl, ports = {}, regions = [] }: PayosOptions,
  { clock, secrets }: Common,
): Promise<Pick<Payos, 'postgrest' | 'redis' | 'regions' | 'qstash'>> {
  const [postgrest, redis, qstash] = await Promise.all([
    startPostgrest({
      databaseUrl,
      jwtSecret: secrets.jwtSecret,
      schemas: ['api'],
      apiKeys: { [secrets.publishableKey]: 'anon' },
      clock,
      ...(ports.postgrest && { port: ports.postgrest }),
    }),
    startRedis({
      token: secrets.redisToken,
      clock,
      ...(ports.redis && { port: ports.redis }),
      ...(redisUrl && { redisUrl }),
    }),
    startQstash({ clock, port: ports.qstash, signingKeys: qstashKeys() }),
  ])
  return { postgrest, redis, regions: await startRegions(regions, { clock, secrets }), qstash }
}

/** A Redis for each region. */
async function startRegions(
  regions: readonly LeaseRegion[],
  { clock, secrets }: Common,
): Promise<ReadonlyMap<string, RedisStandIn>> {
  const started = regions.map(
    async ({ name }) => [name, await startRedis({ token: secrets.redisToken, clock })] as const,
  )
  return new Map(await Promise.all(started))
}

/** The setting that says where leases live. */
function leaseRegions(
  { redis, regions, secrets }: Pick<Payos, 'redis' | 'regions' | 'secrets'>,
  asked: readonly LeaseRegion[] = [{ name: LOCAL_REGION, continents: ['*'] }],
): string {
  return JSON.stringify(
    asked.map(({ name, continents }) => ({
      region: name,
      url: (regions.get(name) ?? redis).url,
      token: secrets.redisToken,
      continents,
    })),
  )
}

type Parts = Pick<Payos, 'issuer' | 'secrets' | 'postgrest' | 'redis' | 'qstash'>

/** What the Worker is told: where its stand-ins are, and their secrets. */
const bindingsOf = ({ issuer, secrets, postgrest, redis, qstash }: Parts) => ({
  ENVIRONMENT: 'test',
  ISSUER: issuer,
  SUPABASE_URL: postgrest.url,
  SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
  EDGE_DATABASE_TOKEN: secrets.edgeToken,
  DRAIN_DATABASE_TOKEN: secrets.drainToken,
  UPSTASH_REDIS_REST_URL: redis.url,
  UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
  PROOF_KEYS: secrets.proofKeys,
  METRICS_TOKEN: secrets.metricsToken,
  QSTASH_URL: qstash.url,
  QSTASH_TOKEN: qstash.token,
  QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
  QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
})
