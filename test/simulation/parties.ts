import { createHash } from 'node:crypto'
import { makeApiKey, parseApiKey } from '../../shared/domain/api-key.ts'
import { at, cast, open } from '../model/cast.ts'
import type { State } from '../model/ledger.ts'
import { Random } from './random.ts'

const endless = '9007199254740991'

/** Wallets that take part, by their place in the cast, with the agent each belongs to. */
export const payers = [
  { wallet: 0, agent: 0, currency: 'USDC' },
  { wallet: 3, agent: 2, currency: 'USDC' },
  { wallet: 1, agent: 0, currency: 'EURC' },
] as const

export const shards = payers.map(({ wallet }) => wallet + 1)

/** What is for sale. The last costs so much that it takes a wallet most of what it has. */
export const offers = [
  { endpoint: 0, provider: 0, currency: 'USDC', price: 10, method: 'GET' },
  { endpoint: 1, provider: 1, currency: 'USDC', price: 5, method: 'POST' },
  { endpoint: 2, provider: 1, currency: 'EURC', price: 10, method: 'GET' },
  { endpoint: 4, provider: 0, currency: 'USDC', price: 10, method: 'GET' },
  { endpoint: 5, provider: 1, currency: 'USDC', price: 2_000, method: 'GET' },
] as const
export type Offer = (typeof offers)[number]

export const endpointOf = ({ endpoint }: Pick<Offer, 'endpoint'>): string =>
  (cast.endpoints as readonly string[])[endpoint] ?? 'c0000000-e9d0-4000-8000-000000000006'

const keyOf = (kind: 'agent' | 'provider', number: number): string => {
  const random = Random.of(BigInt(number), `key of ${kind}`).bytes(96)
  return makeApiKey({ kind, environment: 'test', random })
}
export const agentKeys = [0, 1, 2].map((number) => keyOf('agent', number))
export const providerKeys = [0, 1].map((number) => keyOf('provider', number))

type Operate = (name: string, args: Record<string, unknown>) => unknown

function putKey(operate: Operate, kind: 'agent' | 'provider', index: number): void {
  const text = at(kind === 'agent' ? agentKeys : providerKeys, index)
  const holder = at<string>(kind === 'agent' ? cast.agents : cast.providers, index)
  const hash = createHash('sha256').update(text).digest('hex')
  const key = { kind, key_id: parseApiKey(text)?.id, holder_id: holder, key_hash: hash }
  operate('put_x402_key', { ...key, expires_at: null })
}

/** What an owner allows; the caps are as good as none unless they are named. */
export const limits = (given: { payment?: string; day?: string; providers?: number[] } = {}) => ({
  payment: given.payment ?? endless,
  day: given.day ?? endless,
  month: endless,
  providers: given.providers ?? null,
})

/** What an offer costs now, by the ledger. */
export function priceIn(ledger: State, offer: number): number {
  const sold = offers[offer] ?? offers[0]
  const prices = ledger.endpoints.get(endpointOf(sold))?.prices ?? []
  const price = prices.filter(({ validFrom }) => validFrom <= ledger.now).at(-1)
  return Number(price?.amount ?? sold.price)
}

/** Brings everybody in, with funds, and lets them pay from leases. */
export function bringIn(operate: Operate, funds: string): void {
  const deposits = [funds, '6000', '0', '10000']
  const everyone = [limits(), limits(), null, limits()]
  for (const { name, args } of open({ deposits, limits: everyone })) operate(name, args)
  for (const index of agentKeys.keys()) putKey(operate, 'agent', index)
  for (const index of providerKeys.keys()) putKey(operate, 'provider', index)
  operate('put_x402_endpoint', {
    ...{ endpoint_id: endpointOf({ endpoint: 5 }), provider_id: cast.providers[1] },
    ...{ method: 'GET', url: 'https://report.example/all', currency: 'USDC' },
    ...{ price: '2000', status: 'active' },
  })
  for (const { wallet } of payers) {
    operate('put_x402_settlement', { wallet_id: cast.wallets[wallet], settlement: 'async' })
  }
}

export { cast }
