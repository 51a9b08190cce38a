/** How deep arrays and objects may nest. */
const DEPTH_MAX = 16

/**
 * A JSON number as it was written, so that no amount or time ever passes through a float.
 *
 * Tell it by `instanceof`: a caller can send an object that has a `source` member.
 */
export class NumberText {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

export type JsonText =
  | { ok: true; value: unknown }
  | {
      ok: false
      reason: 'empty' | 'bom' | 'utf8' | 'depth' | 'syntax' | 'duplicate'
      /** The members that lead to the repeated one, joined by dots. Text of the caller's choice. */
      at?: string
    }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads bytes as JSON with one meaning for every reader (RFC 8259, and I-JSON's RFC 7493 §2).
 *
 * Refuses ill-formed UTF-8, a byte order mark, lone surrogates, repeated member names however they
 * are escaped, and nesting beyond 16. Numbers come as {@link NumberText}, or as numbers when asked.
 * `__proto__` is a member like any other, for a strict schema to refuse. Linear in the bytes, whose
 * number the caller limits.
 *
 * @throws TypeError when the runtime does not give a number's source text.
 */
export function readJson(bytes: Uint8Array, numbers: 'text' | 'float' = 'text'): JsonText {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return refuse('bom')
  const text = decode(bytes)
  if (text === undefined) return refuse('utf8')
  if (/^[ \t\r\n]*$/.test(text)) return refuse('empty')

  // The depth is known before the text is parsed, because a reviver runs once a level on the stack.
  const fault = findFault(text)
  if (fault?.reason === 'depth') return fault

  try {
    const value: unknown = numbers === 'text' ? JSON.parse(text, keepSource) : JSON.parse(text)
    return fault ?? { ok: true, value }
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('syntax')
    throw error
  }
}

type Fault = Extract<JsonText, { ok: false }>

const refuse = (reason: Fault['reason']): Fault => ({ ok: false, reason })

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The third argument, which the library's types do not know yet, holds what was written. */
function keepSource(_: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number') return value
  if (context?.source === undefined) throw new TypeError('JSON.parse gives no source text here')
  return new NumberText(context.source)
}

/** An open array or object. `here` is the current index or member name. */
type Level = { names: Set<string> | undefined; here: number | string; nameNext: boolean }

/**
 * The first repeated name or lone surrogate, unless the text nests too deep anywhere.
 *
 * One pass, no recursion, and harmless on text that is not JSON: it judges only what the grammar
 * does not, and `JSON.parse` judges the grammar.
 */
function findFault(text: string): Fault | undefined {
  const open: Level[] = []
  let fault: Fault | undefined
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') {
      const end = endOfString(text, i)
      fault ??= judgeString(text.slice(i, end), open)
      i = end - 1
    } else {
      follow(text[i], open)
      if (open.length > DEPTH_MAX) return refuse('depth')
    }
  }
  return fault
}

function follow(mark: string | undefined, open: Level[]): void {
  if (mark === '{') open.push({ names: new Set(), here: '', nameNext: true })
  else if (mark === '[') open.push({ names: undefined, here: 0, nameNext: false })
  else if (mark === ']' || mark === '}') open.pop()
  else if (mark === ',') advance(open.at(-1))
}

function advance(level: Level | undefined): void {
  if (typeof level?.here === 'number') level.here += 1
  else if (level) level.nameNext = true
}

/** The position after the closing quote, or the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i += 1
    else if (text[i] === '"') return i + 1
  }
  return text.length
}

/** Judges one quoted string, and takes it for the member's name where a name is next. */
function judgeString(quoted: string, open: readonly Level[]): Fault | undefined {
  const content = quoted.includes('\\') ? unescaped(quoted) : quoted.slice(1, -1)
  if (!content.isWellFormed()) return refuse('utf8')

  const level = open.at(-1)
  if (!level?.nameNext) return undefined
  level.nameNext = false
  level.here = content
  if (!level.names?.has(content)) {
    level.names?.add(content)
    return undefined
  }
  return { ...refuse('duplicate'), at: open.map(({ here }) => here).join('.') }
}

/** What the escapes stand for; nothing when they are not JSON's, which the parser will say. */
function unescaped(quoted: string): string {
  try {
    return `${JSON.parse(quoted)}`
  } catch {
    return ''
  }
}
