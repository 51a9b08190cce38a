import { styleText } from 'node:util'

type Colour = 'green' | 'dim' | 'bold'

const SLOW_MS = 1_000

/** Where a person reads what goes on. Colour only on a terminal, and not where NO_COLOR is set. */
export class Screen {
  readonly #stream: NodeJS.WriteStream

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  paint(colour: Colour, text: string): string {
    return styleText(colour, text, { stream: this.#stream })
  }

  line(text = ''): void {
    this.#stream.write(`${text}\n`)
  }

  /** A thing that is done, how long it took, and what came of it. */
  done(name: string, ms: number, detail = ''): void {
    const took = ms < 10 ? ms.toFixed(1) : String(Math.round(ms))
    const line = `${name.padEnd(26)} ${took.padStart(6)} ms  ${detail}`.trimEnd()
    this.line(`  ${this.paint('green', '✓')} ${line}`)
  }

  /** Does `work` and says so; what takes longer than a second is seen to go on. */
  async step<Value>(name: string, work: () => Promise<Value>): Promise<Value> {
    const started = performance.now()
    let seconds = 0
    const timer = setInterval(() => this.#goesOn(name, ++seconds), SLOW_MS)
    try {
      const value = await work()
      this.#clear(seconds)
      this.done(name, performance.now() - started)
      return value
    } catch (cause) {
      this.#clear(seconds)
      throw cause
    } finally {
      clearInterval(timer)
    }
  }

  #goesOn(name: string, seconds: number): void {
    if (this.#stream.isTTY) this.#stream.write(`\r  … ${name} ${seconds} s`)
    else if (seconds === 1) this.line(`  … ${name}`)
  }

  #clear(seconds: number): void {
    if (seconds > 0 && this.#stream.isTTY) this.#stream.write('\r\u001b[K')
  }
}
