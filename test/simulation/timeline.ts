const realImmediate = setImmediate

type Event = { at: number; order: number; run: () => unknown }

/** Virtual time: what is due next happens next, and nothing else makes time pass. */
export class Timeline {
  now: number
  #order = 0
  /** A binary heap, the next event first. */
  readonly #events: Event[] = []

  constructor(now: number) {
    this.now = now
  }

  /** How much is still to come. */
  get waiting(): number {
    return this.#events.length
  }

  after(ms: number, run: Event['run']): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#order++, run })
  }

  /**
   * Lets everything happen that is due until a moment, or until `isOver` after an event. The loop
   * of the process turns once, at the beginning: for what is collected, and who waits for a timer.
   */
  async runUntil(end: number, isOver: () => boolean): Promise<void> {
    await new Promise((resolve) => realImmediate(resolve))
    for (let next = this.#events[0]; next && next.at <= end; next = this.#events[0]) {
      this.#pop()
      this.now = Math.max(this.now, next.at)
      void next.run()
      // All that can go on without the world goes on: a tick comes when every promise is drained.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      if (isOver()) return
    }
    this.now = Math.max(this.now, end)
  }

  #push(event: Event): void {
    const heap = this.#events
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent])) break
      heap[at] = heap[parent] as Event
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#events
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left
      if (!isBefore(heap[child], last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (one: Event | undefined, other: Event | undefined): boolean =>
  one !== undefined &&
  (other === undefined || one.at < other.at || (one.at === other.at && one.order < other.order))
