const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The six bits of each ASCII character, -1 where it has none. */
const VALUES = /* @__PURE__ */ Int8Array.from({ length: 128 }, (_, code) =>
  ALPHABET.indexOf(String.fromCharCode(code)),
)

/** Base64url without padding (RFC 4648 §5). */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    bits = (bits << 8) | byte
    held += 8
    for (; held >= 6; bits &= (1 << held) - 1) {
      held -= 6
      text += ALPHABET.charAt(bits >> held)
    }
  }
  return held > 0 ? text + ALPHABET.charAt(bits << (6 - held)) : text
}

/**
 * The bytes that this and only this text encodes; `undefined` when they have another spelling.
 *
 * Common decoders pass over white space, padding and unused bits, so one signature has many texts.
 * Here every character counts and unused bits are zero: what is read encodes back to itself.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1
    if (value < 0) return undefined
    bits = (bits << 6) | value
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[length++] = bits >> held
    bits &= (1 << held) - 1
  }
  return bits === 0 ? bytes : undefined
}
