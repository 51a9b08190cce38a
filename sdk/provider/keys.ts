import { decodeBase64url } from '../../shared/domain/base64url.ts'
import { jsonIn } from '../../shared/protocol/answer.ts'
import { isRecord } from '../../shared/protocol/x402.ts'
import { Kept } from './kept.ts'

/** The edge cannot be reached and what is kept is too old: answer 503, never 402. */
export class EdgeUnavailable extends Error {
  override readonly name = 'EdgeUnavailable'
}

export type JsonWebKeySet = { keys: readonly Record<string, unknown>[] }

export type KeysOptions = {
  /** Origin of the PayOS edge. */
  edge: string
  /** A key set to begin with, so that the first proof can be verified while the edge is away. */
  initial?: JsonWebKeySet
  fetch?: typeof fetch
  nowSeconds?: () => number
}

/** Public keys of an edge. Make one per process: it remembers them. */
export type Keys = {
  /**
   * The key of this name; `undefined` when the edge publishes none.
   *
   * @throws EdgeUnavailable when that cannot be known.
   */
  find(kid: string): Promise<CryptoKey | undefined>
}

/**
 * The keys an edge publishes, fetched at most once in 30 seconds and good for a day without it.
 *
 * The set is looked at again every five minutes, so that a revoked key is soon unknown here.
 */
export function payosKeys(options: KeysOptions): Keys {
  const get = options.fetch ?? fetch
  const nowSeconds = options.nowSeconds ?? (() => Date.now() / 1000)
  const kept = new Kept<KeySet>({
    load: async (signal) =>
      keysIn(await jsonOf(get, `${options.edge}/.well-known/jwks.json`, signal)),
    freshSeconds: 300,
    goodSeconds: 86_400,
    pauseSeconds: 30,
    timeoutMs: 5_000,
    nowSeconds,
    initial: options.initial && keysIn(options.initial),
  })
  return {
    async find(kid) {
      const set = await kept.get()
      const found = set?.get(kid) ?? (await kept.renew())?.get(kid)
      if (found) return imported(found)
      if (!set || kept.isOutdated) throw new EdgeUnavailable('The keys of PayOS cannot be had.')
      return undefined
    },
  }
}

type Entry = { raw: Uint8Array<ArrayBuffer>; key: CryptoKey | undefined }
type KeySet = ReadonlyMap<string, Entry>

/** Reads a key set (RFC 7517): its Ed25519 keys by name; others are passed over. */
function keysIn(value: unknown): KeySet {
  const keys = isRecord(value) ? value['keys'] : undefined
  if (!Array.isArray(keys)) throw new TypeError('not a key set')
  const set = new Map<string, Entry>()
  for (const { kty, crv, x, kid } of keys.filter(isRecord)) {
    const raw = kty === 'OKP' && crv === 'Ed25519' ? decodeBase64url(String(x)) : undefined
    if (raw?.length === 32) set.set(String(kid), { raw, key: undefined })
  }
  return set
}

/** Imported when first needed, since a key costs more to import than a proof to verify. */
async function imported(entry: Entry): Promise<CryptoKey> {
  entry.key ??= await crypto.subtle.importKey('raw', entry.raw, 'Ed25519', false, ['verify'])
  return entry.key
}

/** The JSON at a URL of the edge. @throws when there is none. */
export async function jsonOf(
  get: typeof fetch,
  url: string,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await get(url, { signal, redirect: 'manual' })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return jsonIn(response)
}
