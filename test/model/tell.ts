import {
  at,
  cast,
  contradict,
  endpoints,
  putAgent,
  putEndpoint,
  putKey,
  putPolicy,
  putProvider,
  putSigner,
  putWallet,
  wallets,
} from './cast.ts'
import type { Command, Payment } from './commands.ts'
import { type Call, paymentId, type State } from './ledger.ts'
import { earningsKey } from './money.ts'
import { versionAt } from './prices.ts'
import { dayOf } from './state.ts'
import { capture, keyUsed, putTerms, recent, refund } from './tell-holds.ts'

type To<Kind extends Command['do']> = Extract<Command, { do: Kind }>

/** The calls a command means in this state, and the moments to which it moves the clock. */
export function tell(ledger: State, command: Command): (number | Call)[] {
  const teller = tellers[command.do] as (ledger: State, command: Command) => Told
  return [teller(ledger, command)].flat()
}

type Told = number | Call | (number | Call)[]

const tellers: { [Kind in Command['do']]: (ledger: State, command: To<Kind>) => Told } = {
  pay,
  verify,
  ask,
  wait: ({ now }, { ms }) => now + ms,
  'wait until': (ledger, { border, ms }) => borders[border](ledger) + ms,
  announce: ({ now }, { endpoint, price, notice }) => announce(endpoint, price, now + notice),
  reprice: (ledger, { endpoint, price, since }) => {
    const soon = ledger.now + 180_000
    const checked = verify(ledger, { ...plainly, payment: 0, action: 'check', attempt: 'one' })
    return [announce(endpoint, price, soon), soon + since, checked]
  },
  reconsider: (ledger, { payment, ms }) => {
    const attempt = { ...plainly, payment, attempt: 'one' }
    const consumed = verify(ledger, { ...attempt, action: 'consume' })
    return [consumed, ledger.now + ms, verify(ledger, { ...attempt, action: 'release' })]
  },
  capture,
  refund,
  'expire holds': (_, { most }) => ({ name: 'expire_x402_holds', args: { most } }),
  'set terms': (_, told) => putTerms(told),
  list: (_, { most, skip }) => ({ name: 'list_x402_endpoints', args: { most, skip } }),
  allow: (_, { wallet, limits }) => putPolicy(wallet, limits),
  deposit: (_, { wallet, amount, transfer }) => ({
    name: 'deposit_x402_funds',
    args: {
      transfer_id: at(cast.transfers, transfer),
      wallet_id: cast.wallets[wallet] ?? cast.nobody,
      amount,
    },
  }),
  'pay out': payOut,
  'roll up': (_, { most }) => ({ name: 'roll_up_x402_credits', args: { most } }),
  set: (_, { what, index, on }) => {
    if (what === 'agent') return putAgent(index, on ? 'active' : 'suspended')
    if (what === 'wallet') return putWallet(index, on ? 'active' : 'frozen')
    if (what === 'provider') return putProvider(index, on ? 'active' : 'closed')
    return putEndpoint(index, on ? 'active' : 'paused')
  },
  revoke: (_, { kind, index }) => ({
    name: 'revoke_x402_key',
    args: {
      kind,
      key_id: (kind === 'agent' ? cast.agentKeys : cast.providerKeys)[index]?.id ?? 'x'.repeat(16),
    },
  }),
  expire: ({ now }, { kind, index, ms }) =>
    putKey(kind, index, ms === null ? undefined : new Date(now + ms).toISOString()),
  'sign up': (_, { agent, signer, revoked }) => putSigner(agent, signer, revoked),
  contradict: (_, { what }) => contradict(what),
  read: (_, { what, endpoint }) =>
    what === 'totals'
      ? { name: 'get_x402_totals', args: {} }
      : {
          name: 'get_x402_endpoint',
          args: { endpoint_id: cast.endpoints[endpoint] ?? cast.nobody },
        },
}

const borders = {
  day: ({ now }: State) => Date.parse(dayOf(now + 86_400_000)),
  month: ({ now }: State) => {
    const [year = 0, month = 0] = dayOf(now).split('-').map(Number)
    return Date.UTC(year, month)
  },
}

const announce = (endpoint: number, price: string, validFrom: number): Call => ({
  name: 'announce_x402_price',
  args: {
    endpoint_id: cast.endpoints[endpoint] ?? cast.nobody,
    price,
    valid_from: new Date(validFrom).toISOString(),
  },
})

const other = { USDC: 'EURC', EURC: 'USDC' } as const

function pay(ledger: State, told: To<'pay'>): Call {
  const wallet = at(wallets, told.wallet)
  const endpoint_id = cast.endpoints[routeOf(wallet.currency, told)] ?? cast.nobody
  const endpoint = endpoints[routeOf(wallet.currency, told)] ?? at(endpoints, 0)
  const agent = told.payer === 'its own' ? wallet.agent : (wallet.agent + 1) % 3
  const content = {
    ...keyUsed(at(cast.agentKeys, agent), told.key),
    thumbprint: signerOf(ledger, agent, told.signer),
    wallet_id: at(cast.wallets, told.wallet),
    request_id: `r${told.request}`,
    endpoint_id,
    amount: offerOf(ledger, endpoint_id, told.offer),
    currency: told.currency === 'its own' ? endpoint.currency : other[endpoint.currency],
    method: told.method === 'its own' ? endpoint.method : 'DELETE',
    ...resourceOf(endpoint.url, told.href),
    capture: told.form === 'wrong capture' ? 'sometime' : told.capture,
  }
  const payment_id = told.form === 'wrong id' ? cast.nobody : paymentId(content)
  return { name: 'settle_x402_payment', args: { ...content, payment_id } }
}

/** The endpoint a payment goes to, by number; none has the last. */
function routeOf(currency: 'USDC' | 'EURC', { route, endpoint }: To<'pay'>): number {
  const routes = { USDC: [0, 1, 4], EURC: [2, 2, 2] }
  if (route === 'free') return 3
  if (route === 'unknown') return 5
  return at(routes[route === 'of its currency' ? currency : other[currency]], endpoint)
}

function signerOf(ledger: State, agent: number, signer: Payment['signer']): string | null {
  if (signer === 'stranger') return at(cast.signers, 2)
  const registered = ledger.signers.get(at(cast.agents, agent)) ?? []
  const [valid = null] = [...registered].find(([_, revoked]) => !revoked) ?? []
  return signer === 'its own' ? valid : null
}

function offerOf(ledger: State, endpointId: string, offer: Payment['offer']): string {
  if (offer === 'zero') return '0'
  if (offer === 'negative') return '-5'
  const known = ledger.endpoints.get(endpointId)
  const current = known ? versionAt(known, ledger.now) : 1
  const steps = { current: 0, previous: -1, next: 1, more: 0 }
  const price = known?.prices[current - 1 + steps[offer]] ?? known?.prices[current - 1]
  return String((price?.amount ?? 7n) + (offer === 'more' ? 1n : 0n))
}

function resourceOf(url: string, href: Payment['href']) {
  const root = url.replace(/\/$/, '')
  const hrefs = {
    none: null,
    exact: url,
    below: `${root}/a/b?c=d`,
    query: `${url}?city=lima`,
    sibling: `${root}x`,
    elsewhere: 'https://elsewhere.example/v1',
  }
  return { resource: hrefs[href], href: hrefs[href] }
}

const plainly = {
  do: 'verify',
  provider: 0,
  endpoint: 'its own',
  audience: 'itself',
  minimum: 'price',
  key: 'right',
} as const

function verify(ledger: State, told: To<'verify'>): Call {
  const [id = cast.nobody, payment] = recent(ledger, told.payment) ?? []
  const provider = payment && told.audience !== 'other' ? payment.providerId : undefined
  const index = provider ? cast.providers.indexOf(provider) : told.provider
  const foreign = endpoints.findIndex((it) => it.provider !== index)
  const endpoint_id = {
    'its own': payment?.endpointId ?? at(cast.endpoints, index),
    other: at(cast.endpoints, index === 0 ? 3 : 1),
    foreign: at(cast.endpoints, foreign),
  }[told.endpoint]
  const amounts = { price: null, amount: payment?.amount ?? 1n, more: (payment?.amount ?? 1n) + 1n }
  const minimum = amounts[told.minimum]
  return {
    name: 'check_x402_proof',
    args: {
      ...keyUsed(at(cast.providerKeys, index), told.key),
      payment_id: id,
      endpoint_id,
      audience: told.audience === 'nobody' ? cast.nobody : at(cast.providers, index),
      minimum: minimum === null ? null : String(minimum),
      action: told.action,
      attempt_id: told.action === 'check' ? null : told.attempt,
    },
  }
}

function ask(ledger: State, told: To<'ask'>): Call {
  const [id = cast.nobody, payment] = recent(ledger, told.payment) ?? []
  const keys = told.by === 'agent' ? cast.agentKeys : cast.providerKeys
  const byRequest = told.named !== 'id'
  return {
    name: 'get_x402_payment',
    args: {
      key_kind: told.by,
      ...keyUsed(at(keys, told.who), told.key),
      payment_id: told.named === 'request' ? null : id,
      wallet_id: byRequest ? (payment?.walletId ?? at(cast.wallets, 0)) : null,
      request_id: byRequest ? nameOf(payment?.requestId, told.named) : null,
    },
  }
}

const nameOf = (requestId = 'r0', named: string) => (named === 'wrongly' ? 'other' : requestId)

function payOut(ledger: State, told: To<'pay out'>): Call {
  const providerId = at(cast.providers, told.provider)
  const key = earningsKey({ providerId, currency: told.currency })
  const inbox = ledger.inbox.filter((credit) => earningsKey(credit) === key)
  const funds = inbox.reduce((sum, { amount }) => sum + amount, ledger.earnings.get(key) ?? 0n)
  const amounts: Record<string, string> = { all: String(funds), more: String(funds + 1n) }
  const amount = amounts[told.amount] ?? told.amount
  const transfer_id = at(cast.transfers, told.transfer)
  const args = { transfer_id, provider_id: providerId, currency: told.currency, amount }
  return { name: 'pay_out_x402_earnings', args }
}
