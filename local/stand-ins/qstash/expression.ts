import { Refusal } from './refusal.ts'

/** Milliseconds until the next attempt, from how often the message has been retried. */
export type RetryDelay = (retried: number) => number

type Function = { least: number; most: number; apply: (...values: number[]) => number }

const FUNCTIONS: Record<string, Function> = {
  pow: { least: 2, most: 2, apply: Math.pow },
  sqrt: { least: 1, most: 1, apply: Math.sqrt },
  abs: { least: 1, most: 1, apply: Math.abs },
  exp: { least: 1, most: 1, apply: Math.exp },
  floor: { least: 1, most: 1, apply: Math.floor },
  ceil: { least: 1, most: 1, apply: Math.ceil },
  round: { least: 1, most: 1, apply: Math.round },
  min: { least: 2, most: Number.POSITIVE_INFINITY, apply: Math.min },
  max: { least: 2, most: Number.POSITIVE_INFINITY, apply: Math.max },
}

const OPERATORS: Record<string, (left: number, right: number) => number> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
}

const TOKEN = /\s*(\d+(?:\.\d+)?|[A-Za-z]+|[-+*/(),])\s*/y

/** Reads an `Upstash-Retry-Delay` expression; what is not in QStash's small language is refused. */
export function parseRetryDelay(source: string): RetryDelay {
  const parser = new Parser(tokensOf(source), source)
  const delay = parser.sum()
  parser.end()
  return delay
}

function tokensOf(source: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.length) {
    const match = TOKEN.exec(source)
    if (!match?.[1]) throw refusal(source, 'it has a character that means nothing')
    tokens.push(match[1])
  }
  return tokens
}

const refusal = (source: string, reason: string) =>
  new Refusal(400, `invalid retry delay expression ${JSON.stringify(source)}: ${reason}`)

class Parser {
  readonly #tokens: string[]
  readonly #source: string
  #at = 0

  constructor(tokens: string[], source: string) {
    this.#tokens = tokens
    this.#source = source
  }

  sum(): RetryDelay {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/'], () => this.#unary()))
  }

  end(): void {
    if (this.#peek() !== undefined) throw this.#refuse(`${this.#peek()} is left over`)
  }

  #chain(operators: string[], operand: () => RetryDelay): RetryDelay {
    let left = operand()
    for (;;) {
      const token = this.#peek()
      const apply = token && operators.includes(token) ? OPERATORS[token] : undefined
      if (!apply) return left
      this.#at += 1
      const [before, right] = [left, operand()]
      left = (retried) => apply(before(retried), right(retried))
    }
  }

  #unary(): RetryDelay {
    if (this.#peek() !== '-') return this.#primary()
    this.#at += 1
    const value = this.#unary()
    return (retried) => -value(retried)
  }

  #primary(): RetryDelay {
    const token = this.#peek()
    this.#at += 1
    if (token === undefined) throw this.#refuse('it ends too early')
    if (token === '(') return this.#parenthesis()
    if (token === 'retried') return (retried) => retried
    if (/^\d/.test(token)) return () => Number(token)
    return this.#call(token)
  }

  #parenthesis(): RetryDelay {
    const value = this.sum()
    this.#expect(')')
    return value
  }

  #call(name: string): RetryDelay {
    const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (!called) throw this.#refuse(`${name} is unknown`)
    this.#expect('(')
    const values = [this.sum()]
    while (this.#peek() === ',') {
      this.#at += 1
      values.push(this.sum())
    }
    this.#expect(')')
    if (values.length < called.least || values.length > called.most) {
      throw this.#refuse(`${name} takes another number of values`)
    }
    return (retried) => called.apply(...values.map((value) => value(retried)))
  }

  #expect(token: string): void {
    if (this.#peek() !== token) throw this.#refuse(`${token} is missing`)
    this.#at += 1
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  #refuse(reason: string): Refusal {
    return refusal(this.#source, reason)
  }
}
