const WIDTH = 30

type Out = { isTTY?: boolean; write: (text: string) => unknown }

/** Shows how far a run is and how long it will take: a bar for a person, few lines for a log. */
export class Bar {
  readonly #what: string
  readonly #out: Out
  readonly #startedAt = performance.now()
  #saidAt = Number.NEGATIVE_INFINITY

  constructor(what: string, out: Out = process.stderr) {
    this.#what = what
    this.#out = out
  }

  show(done: number, all: number): void {
    const now = performance.now()
    if (now - this.#saidAt < (this.#out.isTTY ? 200 : 15_000)) return
    this.#saidAt = now
    const share = Math.min(1, done / all)
    const full = Math.round(share * WIDTH)
    const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`
    const left = share > 0 ? Math.round(((now - this.#startedAt) * (1 / share - 1)) / 1000) : '…'
    const line = `${this.#what} ${bar} ${done}/${all}, ${left} s left`
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K')
  }
}
