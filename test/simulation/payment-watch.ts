import type { Payment, State } from '../model/state.ts'
import type { Told } from './database.ts'
import type { Said } from './said.ts'
import type { Witness } from './witness.ts'

type Paid = { outcome: string; told: Record<string, unknown> }

const SETTLED: readonly string[] = ['settled', 'honoured']

/** Judges payments from the call that made them on: made once, as promised, and never changed. */
export class PaymentWatch {
  readonly #witness: Witness
  /** What each payment was when it was made, and when that was. */
  readonly #made = new Map<string, { text: string; at: number }>()
  /** Payments that an answer said were made by it. */
  readonly #said = new Set<string>()

  constructor(witness: Witness) {
    this.#witness = witness
  }

  wasSettled(id: string, at: number): boolean {
    return (this.#made.get(id)?.at ?? Number.POSITIVE_INFINITY) < at
  }

  /** What an answer claims: that it made a payment, or found it made as it was told. */
  hear(ledger: State, { name, args, said }: Told): void {
    const { outcome, replayed, outcomes = [] } = (said ?? {}) as Said
    if (name === 'settle_x402_payment' && outcome === 'payment' && !replayed) {
      this.#saidMade(String(args['payment_id']))
    }
    if (outcomes.length === 0) return
    const records = JSON.parse(String(args['records'])) as Record<string, unknown>[]
    for (const [at, { outcome }] of outcomes.entries()) {
      const told = records[at] ?? {}
      if (SETTLED.includes(outcome)) this.#saidMade(String(told['payment_id']))
      if (outcome !== 'failed') this.#judgeSaid(ledger, { outcome, told })
    }
  }

  #saidMade(id: string): void {
    this.#witness.hold('O1', !this.#said.has(id), () => `${id} was settled twice`)
    this.#said.add(id)
  }

  #judgeSaid(ledger: State, { outcome, told }: Paid): void {
    const id = String(told['payment_id'])
    const payment = ledger.payments.get(id)
    const isSo =
      payment !== undefined &&
      payment.requestId === told['request_id'] &&
      payment.endpointId === told['endpoint_id'] &&
      payment.providerId === told['provider_id'] &&
      String(payment.amount) === told['amount']
    this.#witness.hold('F3', isSo, () => `${id} is ${outcome}, and not as it was presented`)
  }

  /** Looks at every payment; answers those that are new. */
  judge(ledger: State): Payment[] {
    const isWhole = ledger.payments.size >= this.#made.size
    this.#witness.hold('O4', isWhole, () => 'a payment disappeared')
    const made: Payment[] = []
    for (const [id, payment] of ledger.payments) {
      const { walletId, requestId, providerId, amount, state } = payment
      const text = `${walletId} ${requestId} ${providerId} ${amount} ${state}`
      const known = this.#made.get(id)
      if (known) {
        this.#witness.hold('O4', known.text === text, () => `${id} changed`)
        continue
      }
      this.#made.set(id, { text, at: this.#witness.now })
      made.push(payment)
      if (payment.lease) this.#judgePromised(id, payment)
    }
    return made
  }

  /** A payment from a lease: within its policy, and exactly what was promised. */
  #judgePromised(id: string, payment: Payment): void {
    const { amount, allowedBy, providerId, endpointId, walletId } = payment
    const hold = (invariant: string, holds: boolean, what: string) =>
      this.#witness.hold(invariant, holds, () => `${id} ${what}`)
    hold('P1', amount <= allowedBy.paymentMax, 'is above the maximum')
    const { providers } = allowedBy
    hold('P3', !providers || providers.includes(providerId), 'goes to whom nobody allowed')
    const promises = this.#witness.reserved.get(id) ?? []
    hold('F1', promises.length > 0, 'was never promised')
    const isSo = promises.some(
      (it) =>
        it.walletId === walletId &&
        it.amount === amount &&
        it.providerId === providerId &&
        it.endpointId === endpointId,
    )
    hold('F1', isSo, 'was promised as another payment')
  }
}
