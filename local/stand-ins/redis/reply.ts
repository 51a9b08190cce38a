/**
 * Bytes held as a string of characters 0 to 255.
 *
 * Redis strings are bytes; in this form they are exact, compare by byte and serve as map keys.
 */
export type Bytes = string

/** A simple string: `OK`, `PONG`, a type name. Lua sees it as a table with `ok`. */
export class Status {
  readonly text: Bytes
  constructor(text: Bytes) {
    this.text = text
  }
}

/** An error as Redis gives it, code first: part of the contract, so callers may see it. */
export class ReplyError extends Error {}

/** Something the real service may well do and this stand-in does not: answered loudly, 501. */
export class Refusal extends Error {}

export type Reply = Bytes | number | bigint | null | Status | ReplyError | Reply[]

export const OK = new Status('OK')
export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
export const SYNTAX = 'ERR syntax error'

export const wrongArity = (name: string) =>
  new ReplyError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`)

const ASCII = /^[\x20-\x7e]*$/

export const toBytes = (text: string): Bytes =>
  ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')

export const fromBytes = (bytes: Bytes): string =>
  ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')

/** A result as JSON, integers to the last digit; `base64` as Upstash encodes strings. */
export function resultToJson(reply: Reply, base64: boolean): string {
  const text = reply instanceof Status ? reply.text : reply
  // Only here may OK stay as it is: inside an array the official client decodes it like the rest.
  return text === 'OK' ? '"OK"' : replyToJson(reply, base64)
}

function replyToJson(reply: Reply, base64: boolean): string {
  if (reply === null) return 'null'
  if (typeof reply === 'string') return textToJson(reply, base64)
  if (Array.isArray(reply)) return `[${reply.map((it) => replyToJson(it, base64)).join(',')}]`
  if (reply instanceof Status) return textToJson(reply.text, base64)
  if (reply instanceof ReplyError) {
    throw new Refusal('what Upstash answers to an error inside an array is not known')
  }
  return String(reply)
}

const textToJson = (bytes: Bytes, base64: boolean): string =>
  base64 ? `"${Buffer.from(bytes, 'latin1').toString('base64')}"` : JSON.stringify(fromBytes(bytes))

/** The error in the form of an answer body. */
export const errorToJson = (error: ReplyError): string =>
  `{"error":${JSON.stringify(fromBytes(error.message))}}`
