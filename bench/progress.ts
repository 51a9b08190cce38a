type Out = NodeJS.WritableStream & { isTTY?: boolean }

/** Tells how far a run is: a line that moves for a person, few lines for a log. */
export class Progress {
  readonly #out: Out
  #saidAt = Number.NEGATIVE_INFINITY
  #heading = ''

  constructor(out: Out = process.stderr) {
    this.#out = out
  }

  begin(heading: string): void {
    this.#heading = heading
    this.#say(`${heading} …`, true)
  }

  step(done: number, all: number, what = ''): void {
    const percent = all > 0 ? Math.floor((100 * done) / all) : 0
    this.#say(`${this.#heading} ${what} ${percent} %`, false)
  }

  end(summary: string): void {
    this.#say(`${this.#heading}: ${summary}`, true)
    if (this.#out.isTTY) this.#out.write('\n')
  }

  #say(text: string, isUrgent: boolean): void {
    const now = performance.now()
    const pauseMs = this.#out.isTTY ? 100 : 10_000
    if (!isUrgent && now - this.#saidAt < pauseMs) return
    this.#saidAt = now
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
  }
}
