import { formatUnits } from '../../shared/domain/decimal.ts'
import { PaymentError } from './errors.ts'
import type { Settings } from './options.ts'

/**
 * What this client has spent and promised. A courtesy to its user: restarts forget it, other
 * processes do not see it, and the owner's policy at the edge is what binds.
 */
export class Budget {
  readonly #limits: Pick<Settings, 'total' | 'perOrigin' | 'currency'>
  readonly #spent = new Map<string, bigint>()

  constructor(limits: Pick<Settings, 'total' | 'perOrigin' | 'currency'>) {
    this.#limits = limits
  }

  /** Takes an amount for an origin before it is paid, or refuses and takes nothing. */
  take(origin: string, amount: bigint): void {
    const { total, perOrigin, currency } = this.#limits
    for (const [name, limit] of [
      ['', total],
      [origin, perOrigin],
    ] as const) {
      const rest = limit - (this.#spent.get(name) ?? 0n)
      if (rest >= amount) continue
      throw new PaymentError(
        'budget_exceeded',
        `It costs ${formatUnits(amount)} ${currency}; the budget has ${formatUnits(rest)} left ` +
          `${name && `for ${name}`}.`,
      )
    }
    this.#add(origin, amount)
  }

  /** Gives back what was surely not paid. */
  giveBack(origin: string, amount: bigint): void {
    this.#add(origin, -amount)
  }

  #add(origin: string, amount: bigint): void {
    for (const name of ['', origin]) this.#spent.set(name, (this.#spent.get(name) ?? 0n) + amount)
  }
}
