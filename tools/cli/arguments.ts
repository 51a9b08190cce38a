import { parseArgs } from 'node:util'
import { Uuid } from '../../shared/domain/ids.ts'
import { type Amount, Currency, parseDecimal } from '../../shared/domain/money.ts'
import { parseTimestamp } from '../../shared/domain/timestamp.ts'
import { usage } from './failure.ts'

export type Option = {
  help: string
  /** What stands after it, as help shows it; absent: a flag. */
  value?: string
  required?: boolean
  /** May be given several times. */
  several?: boolean
}

export type Options = Record<string, Option>

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

/** The options of one command line. Every reader ends the command when a value has another form. */
export class Arguments {
  readonly #values: Values
  /** What stands without a name, in order. */
  readonly positionals: readonly string[]

  constructor(values: Values, positionals: readonly string[]) {
    this.#values = values
    this.positionals = positionals
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  optional(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  text(name: string): string {
    const value = this.optional(name)
    if (value === undefined || value === '') throw usage(`--${name} is missing`)
    return value
  }

  all(name: string): string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  id(name: string): string {
    return asId(name, this.text(name))
  }

  ids(name: string): string[] {
    return this.all(name).map((text) => asId(name, text))
  }

  /** A count within bounds; `absent` where none was given. */
  whole(name: string, absent: number, { min = 1, max = Number.MAX_SAFE_INTEGER } = {}): number {
    const count = Number(this.optional(name) ?? absent)
    if (Number.isSafeInteger(count) && count >= min && count <= max) return count
    const end = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`
    throw usage(`--${name} is a whole number from ${min}${end}`)
  }

  choice<Value extends string>(name: string, values: readonly Value[]): Value {
    const text = this.optional(name) ?? values[0]
    const found = values.find((value) => value === text)
    if (found === undefined) throw usage(`--${name} is one of ${values.join(', ')}`)
    return found
  }

  currency(): Currency {
    const read = Currency.safeParse(this.text('currency'))
    if (!read.success) throw usage(`--currency is one of ${Currency.options.join(', ')}`)
    return read.data
  }

  /** An amount in units of `--currency`, exact. */
  amount(name: string): Amount {
    const amount = parseDecimal(this.text(name), this.currency())
    if (amount !== undefined) return amount
    throw usage(`--${name} is a decimal in currency units, such as 10.5, with at most 6 decimals`)
  }

  /** A moment in unix seconds: RFC 3339, whole seconds, or from now (`+90s`, `+2h`, `+30d`). */
  moment(name: string, nowSeconds: number): number {
    const text = this.text(name)
    const [, count, unit = 's'] = /^\+(\d{1,6})([smhd])$/.exec(text) ?? []
    if (count !== undefined) return nowSeconds + Number(count) * (unitSeconds[unit] ?? 1)
    const read = parseTimestamp(text)
    if (read.ok) return read.seconds
    throw usage(`--${name} is RFC 3339 ("2026-11-20T12:00:00Z"), unix seconds or "+10m"`)
  }
}

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function asId(name: string, text: string): string {
  if (!Uuid.safeParse(text).success) throw usage(`--${name} is a UUID in lower case`)
  return text
}

/** Reads the words after a command's name; several missing options are told at once. */
export function parseArguments(words: readonly string[], options: Options): Arguments {
  const described = Object.entries(options).map(([name, { value, several }]) => {
    const type = value === undefined ? ('boolean' as const) : ('string' as const)
    return [name, { type, multiple: several ?? false }] as const
  })
  const { values, positionals } = parseStrictly(words, Object.fromEntries(described))
  const isRequired = ([, option]: [string, Option]) => option.required === true
  const missing = Object.entries(options)
    .filter((entry) => isRequired(entry) && values[entry[0]] === undefined)
    .map(([name]) => `--${name}`)
  if (missing.length > 0 && values['help'] !== true) throw usage(`missing: ${missing.join(', ')}`)
  return new Arguments(values, positionals)
}

function parseStrictly(
  words: readonly string[],
  options: Record<string, { type: 'boolean' | 'string'; multiple: boolean }>,
): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: unambiguous(words, options), options, allowPositionals: true })
  } catch (cause) {
    // Only the first sentence: the rest explains a syntax nobody here uses.
    const message = cause instanceof Error ? cause.message : String(cause)
    throw usage(message.split('. ')[0] ?? message)
  }
}

/** The name of a key may begin with a hyphen, and is no option for that. */
const isThumbprint = (word: string) => /^-[A-Za-z0-9_-]{42}$/.test(word)

function unambiguous(
  words: readonly string[],
  options: Record<string, { type: 'boolean' | 'string' }>,
): string[] {
  const plain: string[] = []
  const names: string[] = []
  for (const word of words) {
    const before = plain.at(-1) ?? ''
    const isValue = before.startsWith('--') && options[before.slice(2)]?.type === 'string'
    if (!isThumbprint(word)) plain.push(word)
    else if (isValue) plain.splice(-1, 1, `${before}=${word}`)
    else names.push(word)
  }
  return names.length > 0 ? [...plain, '--', ...names] : plain
}
