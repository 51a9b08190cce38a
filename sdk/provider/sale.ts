import type { SettleResponse } from '../../shared/protocol/x402.ts'
import type { Use } from './first-use.ts'
import type { Settings } from './options.ts'
import { namesOf, type Payment, type Proof, type ProofReason } from './proof.ts'

/** Whether the provider has to capture it; a leased payment is held too, and settles by itself. */
export const isHold = ({ status, lease }: Proof) => status === 'held' && lease === undefined

/** One admitted payment, from its claim until it is collected or given back. */
export class Sale {
  readonly payment: Payment
  readonly #use: Use
  readonly #settings: Settings
  #charged: bigint

  constructor({ proof, use, settings }: { proof: Proof; use: Use; settings: Settings }) {
    this.#use = use
    this.#settings = settings
    this.#charged = proof.amount
    this.payment = { ...proof, charge: (amount) => this.#charge(amount) }
  }

  receipt(): SettleResponse {
    const { paymentId, network, agentId } = this.payment
    const amount = this.#charged.toString()
    return { success: true, transaction: paymentId, network, payer: agentId, amount }
  }

  /** Collects what was delivered and gives back what was not; why it cannot be collected. */
  async finish(delivered: boolean): Promise<ProofReason | undefined> {
    const { collector, claims } = this.#settings
    const { lease } = this.payment
    if (isHold(this.payment)) {
      const amount = delivered ? this.#charged : 0n
      const { attemptId } = this.#use
      const reason = await collector?.capture(this.payment, { attemptId, amount })
      if (delivered) return reason
      this.#tellReleased()
      return undefined
    }
    if (!delivered) await this.#giveBack()
    else if (lease !== undefined && !claims.settles)
      collector?.present(this.#use.proof, this.payment)
    return undefined
  }

  /** A claim that cannot be given back ends with the proof. */
  async #giveBack(): Promise<void> {
    const { onEvent, claims } = this.#settings
    await claims.release(this.#use).catch((cause) => onEvent({ type: 'unavailable', cause }))
    this.#tellReleased()
  }

  #tellReleased(): void {
    this.#settings.onEvent({ type: 'released', ...namesOf(this.payment) })
  }

  #charge(amount: bigint): void {
    const { amount: held, status } = this.payment
    const isLess = amount >= 0n && amount < held && isHold(this.payment)
    if (!isLess && amount !== held) {
      throw new RangeError(`${amount} cannot be charged: ${held} is ${status}.`)
    }
    this.#charged = amount
  }
}
