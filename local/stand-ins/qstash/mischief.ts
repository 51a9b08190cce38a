import type { Message } from './message.ts'

type Rule = { match: string; left: number }

/** What a test has ordered this stand-in to do wrong with deliveries. */
export class Mischief {
  #losses: Rule[] = []
  #duplicates: (Rule & { times: number })[] = []
  #reorders: (Rule & { held: string[] })[] = []
  #releasing: string[] = []

  /** Delivers the next `messages` matching messages `times` more times after their success. */
  duplicate(order: Record<string, unknown>): void {
    const times = count(order['times'], 1)
    if (times === Number.POSITIVE_INFINITY) throw new RangeError('times must end somewhere')
    this.#duplicates.push({ match: match(order), left: count(order['messages'], 1), times })
  }

  /** Holds the next `count` matching messages until the last is due, then delivers them in reverse. */
  reorder(order: Record<string, unknown>): void {
    this.#reorders.push({ match: match(order), left: count(order['count'], 2), held: [] })
  }

  /** Forgets the answers of the next `times` matching deliveries: the destination did the work. */
  loseAnswer(order: Record<string, unknown>): void {
    this.#losses.push({ match: match(order), left: count(order['times'], 1) })
  }

  takeLoss(url: string): boolean {
    return take(this.#losses, url) !== undefined
  }

  takeRepeats(url: string): number {
    return take(this.#duplicates, url)?.times ?? 0
  }

  /** Whether a message has to wait for its turn. */
  isHeld(id: string): boolean {
    if (this.#releasing.includes(id)) return this.#releasing[0] !== id
    return this.#reorders.some((rule) => rule.held.includes(id))
  }

  /** Takes a message that is due into the next open reordering, if one concerns it. */
  hold(message: Message): boolean {
    if (this.#releasing.includes(message.id)) return false
    const rule = take(this.#reorders, message.url)
    if (!rule) return false
    rule.held.push(message.id)
    if (rule.left > 0) return true
    this.#reorders = this.#reorders.filter((it) => it !== rule)
    this.#releasing.push(...rule.held.reverse())
    return true
  }

  /** An attempt of the message has ended, or the message is gone: the next one has its turn. */
  letGo(id: string): void {
    this.#releasing = this.#releasing.filter((it) => it !== id)
    for (const rule of this.#reorders) rule.held = rule.held.filter((it) => it !== id)
  }

  clear(): void {
    this.#losses = []
    this.#duplicates = []
    this.#reorders = []
    this.#releasing = []
  }
}

function take<It extends Rule>(rules: It[], url: string): It | undefined {
  const rule = rules.find((it) => it.left > 0 && url.includes(it.match))
  if (rule) rule.left -= 1
  return rule
}

const match = (order: Record<string, unknown>) => String(order['match'] ?? '')

/** A count in an order; 0 means without end, as it does for faults. */
function count(value: unknown, otherwise: number): number {
  const number = Number(value ?? otherwise)
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`not a count: ${value}`)
  return number === 0 ? Number.POSITIVE_INFINITY : number
}
