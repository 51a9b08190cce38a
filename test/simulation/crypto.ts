import * as node from 'node:crypto'
import type { Random } from './random.ts'

const keyObjects = new WeakMap<CryptoKey, node.KeyObject>()

function keyOf(key: CryptoKey): node.KeyObject {
  const known = keyObjects.get(key)
  if (known) return known
  const found = node.KeyObject.from(key as node.webcrypto.CryptoKey)
  keyObjects.set(key, found)
  return found
}
const bytes = (data: Uint8Array) => new Uint8Array(data).buffer
const isMac = (key: CryptoKey) => key.algorithm.name === 'HMAC'
const mac = (key: CryptoKey, data: Uint8Array) =>
  node.createHmac('sha256', keyOf(key)).update(data).digest()

/** As much of Web Crypto as the edge uses: real, but by calls that answer at once. */
export function cryptoOf(random: Random) {
  const subtle = {
    digest: async (name: string, data: Uint8Array) =>
      bytes(node.hash(name.replace('-', ''), data, 'buffer')),
    async importKey(...given: Parameters<typeof node.webcrypto.subtle.importKey>) {
      const [format, data, algorithm, extractable, usages] = given
      const make = (key: node.KeyObject): CryptoKey =>
        key.toCryptoKey(algorithm as 'Ed25519', extractable, usages) as CryptoKey
      if ((format as string) !== 'jwk') return make(node.createSecretKey(data as Uint8Array))
      return once(JSON.stringify(given), () => make(jwkKey(data as unknown as node.JsonWebKey)))
    },
    sign: async (_: unknown, key: CryptoKey, data: Uint8Array) =>
      bytes(isMac(key) ? mac(key, data) : sign(key, data)),
    async verify(...given: [unknown, CryptoKey, Uint8Array, Uint8Array]) {
      const [, key, signature, data] = given
      return isMac(key)
        ? node.timingSafeEqual(mac(key, data), signature)
        : verify(key, signature, data)
    },
  }
  const uuid = () => {
    const digits = Buffer.from(random.bytes(16)).toString('hex')
    return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5')
  }
  return { subtle, randomUUID: uuid, getRandomValues: fill(random) }
}

/** Keys by what they are made of: each isolate imports the same few, and a key never changes. */
const imported = new Map<string, CryptoKey>()

function once(name: string, make: () => CryptoKey): CryptoKey {
  const key = imported.get(name) ?? make()
  imported.set(name, key)
  return key
}

/** Signatures made here, each with what it signs: such a one need not be computed again. */
const made = new Set<string>()
const MADE_MAX = 10_000

const nameOf = (key: CryptoKey, ...parts: Uint8Array[]): string =>
  [publicPartOf(key), ...parts.map((part) => Buffer.from(part).toString('latin1'))].join('\n')

const publicParts = new WeakMap<CryptoKey, string>()

function publicPartOf(key: CryptoKey): string {
  const known = publicParts.get(key)
  if (known) return known
  const half = keyOf(key)
  const found = half.type === 'public' ? half : node.createPublicKey(half)
  const x = String(found.export({ format: 'jwk' }).x)
  publicParts.set(key, x)
  return x
}

function sign(key: CryptoKey, data: Uint8Array): Uint8Array {
  const signature = node.sign(null, data, keyOf(key))
  if (made.size >= MADE_MAX) made.clear()
  made.add(nameOf(key, signature, data))
  return signature
}

const verify = (key: CryptoKey, signature: Uint8Array, data: Uint8Array): boolean =>
  made.has(nameOf(key, signature, data)) || node.verify(null, data, keyOf(key), signature)

const jwkKey = (key: node.JsonWebKey) =>
  key.d
    ? node.createPrivateKey({ key, format: 'jwk' })
    : node.createPublicKey({ key, format: 'jwk' })

const fill = (random: Random) => (into: Uint8Array) => {
  into.set(random.bytes(into.length))
  return into
}
