const encoder = new TextEncoder()

/** The SHA-256 of the text's UTF-8 bytes. */
export async function sha256(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
}

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Two lower-case hexadecimal digits a byte. */
export function hex(bytes: Uint8Array): string {
  let digits = ''
  for (const byte of bytes) digits += pairs[byte]
  return digits
}
