import { createHash } from 'node:crypto'
import type { Call } from './ledger.ts'

const uuid = (kind: string, number: number) => `c0000000-${kind}-4000-8000-00000000000${number}`
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
const keyOf = (holder: string, name: string) => ({ id: name, hash: hashOf(name), holder })

/** Who takes part in every random world, always under the same ids. */
export const cast = {
  owners: [uuid('0a0a', 1), uuid('0a0a', 2)],
  /** Ada owns the first two; the second signs. Grace owns the third. */
  agents: [uuid('a9e7', 1), uuid('a9e7', 2), uuid('a9e7', 3)],
  agentKeys: [
    keyOf(uuid('a9e7', 1), 'agentOneKey00001'),
    keyOf(uuid('a9e7', 2), 'agentTwoKey00002'),
    keyOf(uuid('a9e7', 3), 'agentThreeKey003'),
  ],
  signers: ['s'.repeat(43), 't'.repeat(43), 'u'.repeat(43)],
  wallets: [uuid('3a11', 1), uuid('3a11', 2), uuid('3a11', 3), uuid('3a11', 4)],
  providers: [uuid('9801', 1), uuid('9801', 2)],
  providerKeys: [
    keyOf(uuid('9801', 1), 'providerKey00001'),
    keyOf(uuid('9801', 2), 'providerKey00002'),
  ],
  endpoints: [uuid('e9d0', 1), uuid('e9d0', 2), uuid('e9d0', 3), uuid('e9d0', 4), uuid('e9d0', 5)],
  /** The last four are kept for the ends of worlds. */
  transfers: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => uuid('7fe7', number)),
  nobody: uuid('dead', 0),
} as const

/** Wallet by wallet: whose it is, and its currency. */
export const wallets = [
  { agent: 0, currency: 'USDC' },
  { agent: 0, currency: 'EURC' },
  { agent: 1, currency: 'USDC' },
  { agent: 2, currency: 'USDC' },
] as const

/** Endpoint by endpoint; the first costs what the world says, the fourth nothing. */
export const endpoints = [
  { provider: 0, method: 'GET', url: 'https://weather.example/v1', currency: 'USDC', price: '10' },
  { provider: 1, method: 'POST', url: 'https://report.example/', currency: 'USDC', price: '5' },
  { provider: 1, method: 'GET', url: 'https://report.example/eu/', currency: 'EURC', price: '10' },
  { provider: 0, method: 'GET', url: 'https://weather.example/free', currency: 'USDC', price: '0' },
  { provider: 0, method: 'GET', url: 'https://weather.example/all', currency: 'USDC', price: '10' },
] as const

export type Limits = { payment: string; day: string; month: string; providers: number[] | null }

/** How a world begins, wallet by wallet: what is in it and what its owner allows. */
export type Opening = { deposits: string[]; limits: (Limits | null)[] }

/** The calls that bring the cast in. */
export function open({ deposits, limits }: Opening): Call[] {
  const [ada, grace] = cast.owners
  return [
    { name: 'put_x402_owner', args: { owner_id: ada, name: 'Ada' } },
    { name: 'put_x402_owner', args: { owner_id: grace, name: 'Grace' } },
    ...cast.agents.map((_, index) => putAgent(index, 'active')),
    ...cast.agentKeys.map((_, index) => putKey('agent', index)),
    putSigner(1, 0, false),
    ...cast.wallets.map((_, index) => putWallet(index, 'active')),
    ...limits.flatMap((limit, index) => (limit ? [putPolicy(index, limit)] : [])),
    ...cast.providers.map((_, index) => putProvider(index, 'active')),
    ...cast.providerKeys.map((_, index) => putKey('provider', index)),
    ...cast.endpoints.map((_, index) => putEndpoint(index, 'active')),
    ...deposits.flatMap((amount, index) => (amount === '0' ? [] : [openingDeposit(index, amount)])),
  ]
}

/** The member of a list at an index, which has to be there. */
export function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index]
  if (item === undefined) throw new RangeError(`nothing at ${index} of ${list.length}`)
  return item
}

export const putAgent = (agent: number, status: string): Call => ({
  name: 'put_x402_agent',
  args: {
    agent_id: at(cast.agents, agent),
    owner_id: at(cast.owners, agent === 2 ? 1 : 0),
    name: `agent ${agent}`,
    status,
  },
})

export function putKey(kind: 'agent' | 'provider', index: number, expiresAt?: string): Call {
  const key = at(kind === 'agent' ? cast.agentKeys : cast.providerKeys, index)
  const named = { kind, key_id: key.id, holder_id: key.holder, key_hash: key.hash }
  return { name: 'put_x402_key', args: { ...named, expires_at: expiresAt ?? null } }
}

export const putSigner = (agent: number, signer: number, revoked: boolean): Call => ({
  name: 'put_x402_signer',
  args: { agent_id: at(cast.agents, agent), thumbprint: at(cast.signers, signer), revoked },
})

export function putWallet(index: number, status: string): Call {
  const { agent, currency } = at(wallets, index)
  const ids = { wallet_id: at(cast.wallets, index), agent_id: at(cast.agents, agent) }
  return { name: 'put_x402_wallet', args: { ...ids, currency, status } }
}

export const putPolicy = (wallet: number, limits: Limits): Call => ({
  name: 'put_x402_policy',
  args: {
    wallet_id: at(cast.wallets, wallet),
    payment_max: limits.payment,
    day_max: limits.day,
    month_max: limits.month,
    providers: limits.providers?.map((index) => at(cast.providers, index)) ?? null,
  },
})

export const putProvider = (provider: number, status: string): Call => ({
  name: 'put_x402_provider',
  args: { provider_id: at(cast.providers, provider), name: `provider ${provider}`, status },
})

export function putEndpoint(index: number, status: string): Call {
  const { provider, ...endpoint } = at(endpoints, index)
  const ids = { endpoint_id: at(cast.endpoints, index), provider_id: at(cast.providers, provider) }
  return { name: 'put_x402_endpoint', args: { ...ids, ...endpoint, status } }
}

const openingDeposit = (wallet: number, amount: string): Call => ({
  name: 'deposit_x402_funds',
  args: { transfer_id: uuid('7fe7', wallet + 5), wallet_id: at(cast.wallets, wallet), amount },
})

/** A call that says something else of someone who is known. */
export function contradict(what: 'agent' | 'wallet' | 'key' | 'endpoint' | 'price'): Call {
  const calls = {
    agent: putAgent(0, 'active'),
    wallet: putWallet(0, 'active'),
    key: putKey('agent', 0),
    endpoint: putEndpoint(0, 'active'),
    price: putEndpoint(0, 'active'),
  }
  const lies = {
    agent: { owner_id: at(cast.owners, 1) },
    wallet: { currency: 'EURC' },
    key: { key_hash: '1'.repeat(64) },
    endpoint: { url: 'https://elsewhere.example/' },
    price: { price: '12' },
  }
  const call = calls[what]
  return { ...call, args: { ...call.args, ...lies[what] } } as Call
}
