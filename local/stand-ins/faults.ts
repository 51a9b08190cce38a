/**
 * What a stand-in is told to do wrong.
 *
 * `when: 'before'` spoils the request before any work is done; `'after'` does the work and spoils
 * the answer, which is how a caller meets an unknown outcome.
 */
export type Fault = {
  /** Part of the subject it concerns (an RPC name, a Redis command, a destination). Absent: any. */
  match?: string
  /** How many requests it concerns; 0 means until the faults are cleared. Default 1. */
  times?: number
  /** Default `before`. */
  when?: 'before' | 'after'
  effect:
    | { kind: 'status'; status: number; body?: string }
    | { kind: 'drop' }
    | { kind: 'garbage' }
    | { kind: 'hang' }
    | { kind: 'delay'; ms: number }
}

/** The faults a stand-in still has to commit, in the order they were given. */
export class Faults {
  #planned: (Fault & { left: number })[] = []

  add(fault: Fault): void {
    const times = fault.times ?? 1
    this.#planned.push({ ...fault, left: times === 0 ? Number.POSITIVE_INFINITY : times })
  }

  clear(): void {
    this.#planned = []
  }

  list(): readonly Fault[] {
    return this.#planned
  }

  /** Takes the first fault that concerns `subject` at this moment of its request, and uses it up. */
  take(subject: string, when: 'before' | 'after'): Fault['effect'] | undefined {
    const fault = this.#planned.find(
      (it) => (it.when ?? 'before') === when && (!it.match || subject.includes(it.match)),
    )
    if (!fault) return undefined
    fault.left -= 1
    if (fault.left <= 0) this.#planned = this.#planned.filter((it) => it !== fault)
    return fault.effect
  }
}
