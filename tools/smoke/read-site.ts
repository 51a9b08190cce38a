import * as z from 'zod'
import { Uuid } from '../../shared/domain/ids.ts'
import type { Arguments } from '../cli/arguments.ts'
import { usage } from '../cli/failure.ts'
import { jsonIn } from '../cli/json.ts'
import { type DevFile, readDevFile } from '../cli/target.ts'
import type { Payer, Site } from './site.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The edge a command line names; what it does not say of the local one is in its file. */
export async function readSite(given: Arguments, env: Environment = process.env): Promise<Site> {
  const [address] = given.positionals
  const dev = await readDevFile()
  const url = originOf(address ?? dev?.edge)
  const known = dev && originOf(dev.edge) === url ? dev : undefined
  return {
    url,
    issuer: originOf(given.optional('issuer') ?? url),
    metricsToken: env['METRICS_TOKEN'] ?? known?.metricsToken,
    payer: payerIn({ ...env, ...flagged(given) }) ?? (known && localPayer(known)),
  }
}

function originOf(text: string | undefined): string {
  if (text === undefined) throw usage('name the edge: npm run smoke -- https://edge.example')
  if (!URL.canParse(text)) throw usage('the edge is named by its origin: https://edge.example')
  return new URL(text).origin
}

const Signer = z.object({ x: z.string().length(43), d: z.string().length(43) })

function flagged(given: Arguments): Environment {
  const [wallet, endpoint] = [given.optional('wallet'), given.optional('endpoint')]
  return { ...(wallet && { SMOKE_WALLET: wallet }), ...(endpoint && { SMOKE_ENDPOINT: endpoint }) }
}

/** The test agent the environment names, whole or not at all. */
export function payerIn(env: Environment): Payer | undefined {
  const apiKey = env['SMOKE_AGENT_KEY']
  if (apiKey === undefined) return undefined
  const ids = [env['SMOKE_WALLET'], env['SMOKE_ENDPOINT']].map((id) => Uuid.safeParse(id).data)
  const [walletId, endpointId] = ids
  if (walletId === undefined || endpointId === undefined) {
    throw usage('SMOKE_WALLET and SMOKE_ENDPOINT, or --wallet and --endpoint, are UUIDs')
  }
  return { apiKey, walletId, endpointId, signer: signerIn(env['SMOKE_SIGNER']) }
}

function signerIn(text: string | undefined): Payer['signer'] {
  if (text === undefined) return undefined
  const read = Signer.safeParse(jsonIn(text))
  if (!read.success) throw usage('SMOKE_SIGNER is an Ed25519 private JWK')
  return read.data
}

/** The seeded agent, at the first endpoint that costs something. */
function localPayer({ agent, provider }: DevFile): Payer | undefined {
  const endpointId = provider.endpointIds['weather'] ?? Object.values(provider.endpointIds)[0]
  if (endpointId === undefined) return undefined
  const { apiKey, walletId, privateJwk } = agent
  return { apiKey, walletId, endpointId, signer: privateJwk }
}
