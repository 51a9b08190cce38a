import { hex, sha256 } from './digest.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const ID_LENGTH = 16
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6

export type ApiKey = {
  kind: 'agent' | 'provider'
  environment: 'test' | 'live'
  /** Names the key in lists and logs; no secret. */
  id: string
  /** The whole key: a secret. */
  text: string
}

/**
 * Reads a key whose form and checksum are right; anything else is `undefined`, at no one's cost.
 *
 * The checksum finds typing errors and guesses before a look-up; it proves nothing.
 */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, sort, environment, id] =
    /^([ps])k_(test|live)_([0-9A-Za-z]{16})_[0-9A-Za-z]{49}$/.exec(text) ?? []
  if (id === undefined || (environment !== 'test' && environment !== 'live')) return undefined

  const body = text.slice(0, -CHECKSUM_LENGTH)
  if (text !== body + checksumOf(body)) return undefined
  return { kind: sort === 'p' ? 'agent' : 'provider', environment, id, text }
}

/**
 * Makes a key from random bytes, every base62 digit equally likely; the same bytes, the same key.
 *
 * Give 96 bytes: of each 256 values 8 are passed over, since 256 is no multiple of 62.
 *
 * @throws RangeError when the bytes do not suffice for its 59 digits.
 */
export function makeApiKey(
  options: Pick<ApiKey, 'kind' | 'environment'> & { random: Uint8Array },
): string {
  const digits = Array.from(options.random)
    .filter((byte) => byte < 256 - (256 % ALPHABET.length))
    .map((byte) => ALPHABET.charAt(byte % ALPHABET.length))
    .slice(0, ID_LENGTH + SECRET_LENGTH)
    .join('')
  if (digits.length < ID_LENGTH + SECRET_LENGTH) throw new RangeError('too few random bytes')

  const prefix = `${options.kind === 'agent' ? 'pk' : 'sk'}_${options.environment}_`
  const body = `${prefix}${digits.slice(0, ID_LENGTH)}_${digits.slice(ID_LENGTH)}`
  return body + checksumOf(body)
}

/**
 * How a key is stored and looked up: lower-case hexadecimal SHA-256 of its whole text.
 *
 * A plain hash is enough, because the secret has 256 random bits and cannot be guessed from it.
 */
export const hashApiKey = async (text: string): Promise<string> => hex(await sha256(text))

/** CRC-32 of ASCII text as six base62 digits, most significant first. */
function checksumOf(ascii: string): string {
  let rest = crc32(ascii)
  let digits = ''
  while (digits.length < CHECKSUM_LENGTH) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits
    rest = Math.floor(rest / ALPHABET.length)
  }
  return digits
}

/** The CRC-32 of gzip (RFC 1952 §8), bit by bit: a key is short and a table would be longer. */
function crc32(ascii: string): number {
  let crc = 0xffffffff
  for (let i = 0; i < ascii.length; i++) {
    crc ^= ascii.charCodeAt(i)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
