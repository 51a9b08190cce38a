import { at, cast, endpoints, wallets } from './cast.ts'
import type { LeaseCommand, LeaseWorldCommand, Told } from './lease-world.ts'
import { EVERYONE, hashId, shardOf } from './leases.ts'
import type { Call, State } from './ledger.ts'
import type { Told as Record } from './promises.ts'
import { unix } from './state.ts'
import { tell } from './tell.ts'

type To<Kind extends LeaseCommand['do']> = Extract<LeaseCommand, { do: Kind }>

const REGIONS = ['eu', 'us']
const NO_LEASE = 'c0000000-1ea5-4000-8000-000000000000'

/** Tells the commands of one world; it remembers what was promised and what failed. */
export class LeaseTeller {
  readonly #promised: Record[] = []
  #failed: Record[] = []
  #numbers = new Map<string, number>()

  /** The calls a command means in this state, and the moments to which it moves the clock. */
  tell(ledger: State, command: LeaseWorldCommand): (number | Call)[] {
    switch (command.do) {
      case 'lend':
        return [lend(command)]
      case 'settle':
        return [this.#settle(ledger, command)]
      case 'settle what failed':
        return this.#failed.length > 0 ? [batch('settle_x402_overdrawn', this.#failed)] : []
      case 'drained':
        return [drained(ledger, command)]
      case 'reclaim':
        return [{ name: 'reclaim_x402_leases', args: { most: command.most } }]
      case 'let':
      case 'end':
      case 'stop':
        return [order(command)]
      default:
        return tell(ledger, command)
    }
  }

  /** Remembers what a batch could not settle, as who drains does. */
  heard(call: Call, said: unknown): void {
    if (call.name !== 'settle_x402_batch') return
    const records = JSON.parse(call.args.records) as Record[]
    const { outcomes } = said as { outcomes: { outcome: string; code?: string }[] }
    const unpaid = ['lease_overdrawn', 'lease_reclaimed']
    const failed = records.filter((_, place) => unpaid.includes(outcomes[place]?.code ?? ''))
    this.#failed = [...failed, ...this.#failed].slice(0, 12)
  }

  #settle(ledger: State, { records, overdrawn }: To<'settle'>): Call {
    const all = records.map((told) => this.#record(ledger, told))
    return batch(overdrawn ? 'settle_x402_overdrawn' : 'settle_x402_batch', all)
  }

  #record(ledger: State, told: Told): Record {
    const before = this.#promised[this.#promised.length - 1 - told.which]
    if (told.twist === 'repeated' && before) return before
    const honest = this.#honest(ledger, told)
    const record = { ...honest, ...twisted(honest, told, before) }
    this.#promised.push(record)
    return record
  }

  #honest(ledger: State, { lease, request, amount, named }: Told): Record {
    const [id = NO_LEASE, from] = [...ledger.leases].reverse()[lease] ?? []
    const index = from?.currency === 'EURC' ? 2 : request % 2
    const number = (this.#numbers.get(id) ?? 0) + 1
    this.#numbers.set(id, number)
    const endpoint = at(endpoints, index)
    const content = { request_id: `r${request}`, amount: String(amount) }
    const wallet = from?.walletId ?? at(cast.wallets, 0)
    return {
      payment_id: hashId([wallet, content.request_id, content.amount, String(index)]),
      ...content,
      ...(named && { wallet_id: wallet }),
      endpoint_id: at(cast.endpoints, index),
      provider_id: at(cast.providers, endpoint.provider),
      currency: endpoint.currency,
      price_version: 1,
      resource_hash: 'AAAAAAAAAAAAAAAAAAAAAA',
      lease_id: id,
      seq: number,
      made_at: unix(ledger.now) - (number % 3) * 45 + 20,
    }
  }
}

const malformations: Record[] = [
  { payment_id: 'none' },
  { payment_id: null },
  { lease_id: 'none' },
  { endpoint_id: null },
  { provider_id: 7 },
  { wallet_id: 'x' },
  { amount: '0' },
  { amount: '9007199254740992' },
  { amount: '1e3' },
  { seq: 0 },
  { request_id: 'a b' },
  { resource_hash: 'A' },
]

function twisted(honest: Record, told: Told, before: Record | undefined): Record {
  const more = String(Number(honest['amount']) + 1)
  const other = { ...honest, amount: more }
  const twists: { [Twist in Told['twist']]: Record } = {
    none: {},
    repeated: {},
    'other amount': { amount: more },
    'other content': { ...other, payment_id: hashId(['other', String(honest['payment_id'])]) },
    'same number': before ? { lease_id: before['lease_id'], seq: before['seq'] } : {},
    'too much': { amount: '100000', payment_id: hashId(['much', String(honest['payment_id'])]) },
    stranger: { wallet_id: cast.nobody },
    'other currency': { currency: honest['currency'] === 'USDC' ? 'EURC' : 'USDC' },
    'other provider': {
      provider_id: cast.providers.find((it) => it !== honest['provider_id']),
    },
    'unknown lease': { lease_id: NO_LEASE },
    'unknown endpoint': { endpoint_id: cast.nobody },
    malformed: malformations[told.which] ?? {},
  }
  return twists[told.twist]
}

const batch = (name: 'settle_x402_batch' | 'settle_x402_overdrawn', records: Record[]): Call => ({
  name,
  args: { records: JSON.stringify(records) },
})

function lend({ wallet, region, nonce, wanted, needed }: To<'lend'>): Call {
  const args = {
    wallet_id: cast.wallets[wallet] ?? cast.nobody,
    region: at(REGIONS, region),
    nonce: `n${nonce}:1.0`,
    wanted: String(wanted),
    needed: String(needed),
  }
  return { name: 'grant_x402_lease', args }
}

function drained(ledger: State, { region, all, ago }: To<'drained'>): Call {
  const own = all ? wallets.map((_, index) => shardOf(at(cast.wallets, index))) : [shardOf('00')]
  const as_of = ago === null ? null : unix(ledger.now) - ago
  return { name: 'note_x402_drained', args: { region: at(REGIONS, region), shards: own, as_of } }
}

function order(command: To<'let'> | To<'end'> | To<'stop'>): Call {
  const wallet_id = cast.wallets[command.wallet] ?? cast.nobody
  if (command.do === 'end') return { name: 'revoke_x402_leases', args: { wallet_id } }
  if (command.do === 'let') {
    return { name: 'put_x402_settlement', args: { wallet_id, settlement: command.settlement } }
  }
  const stopped = command.wallet === 4 ? EVERYONE : wallet_id
  return command.on
    ? { name: 'stop_x402_leases', args: { wallet_id: stopped, reason: 'audit' } }
    : { name: 'resume_x402_leases', args: { wallet_id: stopped } }
}
