import { at, cast } from './cast.ts'
import type { Capture, Command, KeyUse, Refund } from './commands.ts'
import type { Call, State } from './ledger.ts'

/** What a caller sends as its key: its own, or something else. */
export function keyUsed(key: { id: string; hash: string }, use: KeyUse) {
  const hashes = { right: key.hash, wrong: '0'.repeat(64), unknown: key.hash, none: null }
  const known = use === 'right' || use === 'wrong'
  return { key_id: known ? key.id : 'z'.repeat(16), key_hash: hashes[use] }
}

/** The latest payment, the one before, and so on; of nobody, when there are not as many. */
export const recent = (ledger: State, index: number) => [...ledger.payments].reverse()[index]

/** The payment a provider means, and the key it comes with. */
function asProvider(ledger: State, told: Pick<Capture, 'payment' | 'provider' | 'key'>) {
  const [payment_id = cast.nobody, payment] = recent(ledger, told.payment) ?? []
  const own = payment?.providerId === cast.providers[1] ? 1 : 0
  const key = at(cast.providerKeys, told.provider === 'its own' ? own : 1 - own)
  return { payment, args: { ...keyUsed(key, told.key), payment_id } }
}

export function capture(ledger: State, told: Capture): Call {
  const { payment, args } = asProvider(ledger, told)
  const all = payment?.amount ?? 10n
  const amounts = { all, part: all - 3n, nothing: 0n, more: all + 1n, 'less than nothing': -1n }
  const amount = String(amounts[told.amount])
  return { name: 'capture_x402_payment', args: { ...args, amount, attempt_id: told.attempt } }
}

/** All, and a part, are of what was captured and is not given back yet. */
export function refund(ledger: State, told: Refund): Call {
  const { payment, args } = asProvider(ledger, told)
  const given = [...(payment?.refunds.values() ?? [])].reduce((sum, it) => sum + it.amount, 0n)
  const all = (payment?.capture?.captured ?? payment?.amount ?? 10n) - given
  const amounts = { all, part: all > 2n ? all - 2n : all, more: all + 1n, nothing: 0n }
  const amount = String(amounts[told.amount])
  return { name: 'refund_x402_payment', args: { ...args, refund_id: told.refund, amount } }
}

export const putTerms = (told: Extract<Command, { do: 'set terms' }>): Call => ({
  name: 'put_x402_endpoint_terms',
  args: {
    endpoint_id: cast.endpoints[told.endpoint] ?? cast.nobody,
    hold_seconds: told.seconds,
    discoverable: told.listed,
  },
})
