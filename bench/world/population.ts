import { createHash, generateKeyPairSync, hash, type KeyObject, randomBytes } from 'node:crypto'
import type { Sql } from 'postgres'
import { hashApiKey, makeApiKey, parseApiKey } from '../../shared/domain/api-key.ts'

/**
 * How many of each there are. Wallets are dealt out over the agents, one endpoint a provider.
 *
 * `signing` wallets more belong to one agent more, whose every payment must be signed.
 */
export type Population = { agents: number; wallets: number; providers: number; signing?: number }

export type Signer = { privateKey: KeyObject; x: string }
export type Agent = { id: string; apiKey: string; keyId: string; keyHash: string; signer: Signer }
export type Wallet = { id: string; agent: Agent }
export type Provider = { id: string; apiKey: string; endpointId: string }
export type Parties = { wallets: Wallet[]; signing: Wallet[]; providers: Provider[] }

/** What every endpoint costs, in atomic units and in the currency's. */
export const PRICE = { units: 1000, text: '0.001', currency: 'USDC' } as const
/** What every wallet starts with: enough for a hundred million payments. */
const FUNDS = 100_000_000_000n
export const RESOURCE = 'https://api.example/weather'

/** Agents' and providers' ids, by kind and number; no other part of the project uses these. */
const idOf = (kind: 1 | 2 | 3 | 4 | 5, index: number): string =>
  `b${kind}000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`

/** Brings the parties in through the operator's own functions, and returns how to act as them. */
export async function populate(sql: Sql, population: Population): Promise<Parties> {
  const { signing = 0 } = population
  const plain = await Promise.all(range(population.agents).map(makeAgent))
  const signer = await makeAgent(population.agents)
  const agents = [...plain, signer]
  const providers = await Promise.all(range(population.providers).map(makeProvider))
  const wallets = range(population.wallets).map((index) => ({
    id: idOf(3, index),
    agent: plain[index % plain.length] as Agent,
  }))
  const signed = range(signing).map((index) => ({
    id: idOf(3, population.wallets + index),
    agent: signer,
  }))
  const all = [...wallets, ...signed]
  await sql`select api.put_x402_owner(${idOf(1, 0)}, 'an owner')`
  await sql`
    select api.put_x402_agent(id, ${idOf(1, 0)}, 'an agent'), api.put_x402_key('agent', key, id, hash)
    from unnest(${agents.map(({ id }) => id)}::uuid[], ${agents.map(({ keyId }) => keyId)}::text[],
      ${agents.map(({ keyHash }) => keyHash)}::text[]) as it (id, key, hash)`
  await sql`
    select api.put_x402_wallet(id, agent, ${PRICE.currency}),
      api.put_x402_policy(id, ${FUNDS.toString()}, ${FUNDS.toString()}, ${FUNDS.toString()}),
      api.deposit_x402_funds(gen_random_uuid(), id, ${FUNDS.toString()})
    from unnest(${all.map(({ id }) => id)}::uuid[],
      ${all.map(({ agent }) => agent.id)}::uuid[]) as it (id, agent)`
  await sql`select api.put_x402_signer(${signer.id}, ${thumbprintOf(signer.signer)})`
  for (const { id, endpointId, keyId, keyHash } of providers) {
    await sql`select api.put_x402_provider(${id}, 'a provider')`
    await sql`select api.put_x402_key('provider', ${keyId}, ${id}, ${keyHash})`
    await sql`select api.put_x402_endpoint(
      ${endpointId}, ${id}, 'GET', ${RESOURCE}, ${PRICE.currency}, ${PRICE.units.toString()})`
  }
  await sql`analyze`
  return { wallets, signing: signed, providers }
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

async function makeKey(kind: 'agent' | 'provider') {
  const apiKey = makeApiKey({ kind, environment: 'test', random: randomBytes(96) })
  return { apiKey, keyId: parseApiKey(apiKey)?.id ?? '', keyHash: await hashApiKey(apiKey) }
}

/** RFC 7638. */
const thumbprintOf = ({ x }: Signer): string =>
  createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url')

async function makeAgent(index: number): Promise<Agent> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { id: idOf(2, index), signer: { privateKey, x }, ...(await makeKey('agent')) }
}

async function makeProvider(index: number) {
  return { id: idOf(4, index), endpointId: idOf(5, index), ...(await makeKey('provider')) }
}

/** The id every edge gives a payment of these lines; see `order.ts` for which they are. */
export function paymentIdOf(lines: readonly string[]): string {
  const digits = hash('sha256', lines.join('\n'))
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 3) | 8).toString(16)
  return [
    ...[digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`],
    ...[variant + digits.slice(17, 20), digits.slice(20, 32)],
  ].join('-')
}
