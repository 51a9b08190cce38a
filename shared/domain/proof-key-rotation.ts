import {
  NOTICE_SECONDS,
  type ProofKey,
  publishedKeys,
  RETENTION_SECONDS,
  signingKey,
  stateOf,
} from './proof-keys.ts'

/** An Ed25519 key pair, new: whoever asks for a rotation makes it. */
export type KeyPair = {
  x: string
  /** The private half (RFC 8037 §2): a secret. */
  d: string
  /** The name of the key, RFC 7638. */
  thumbprint: string
}

export type Rotated =
  | { ok: true; keys: ProofKey[] }
  | { ok: false; reason: 'nothing_signs' | 'under_way' | 'unknown_key' }

/** The first set of a deployment: one key, which signs at once, since nobody has a copy yet. */
export const firstProofKeys = (pair: KeyPair, nowSeconds: number): ProofKey[] => [
  proofKeyOf(pair, { publishAt: nowSeconds, activeAt: nowSeconds }),
]

/**
 * Hands signing over to a new key without a moment that no key signs, or two do.
 *
 * The new key is published now and signs after the notice; at that second the old one retires, and
 * it stays published for the retention. There is one rotation at a time.
 */
export function rotateProofKeys(
  keys: readonly ProofKey[],
  pair: KeyPair,
  nowSeconds: number,
): Rotated {
  if (keys.some((key) => !key.revoked && key.activeAt > nowSeconds)) return refuse('under_way')
  if (!signingKey(keys, nowSeconds)) return refuse('nothing_signs')

  const activeAt = nowSeconds + NOTICE_SECONDS
  const kept = present(keys, nowSeconds).map((key) =>
    stateOf(key, nowSeconds) === 'active' ? retiredAt(key, activeAt) : key,
  )
  return { ok: true, keys: [...kept, proofKeyOf(pair, { publishAt: nowSeconds, activeAt })] }
}

/**
 * Takes a key out of use for good, at once: nothing it signed is accepted any more.
 *
 * Some key signs ever after: when it was this one's turn, the next key, which is published already,
 * else `spare`, which no provider has seen yet; when it would have been this one's, the present one
 * stays.
 */
export function revokeProofKey(
  keys: readonly ProofKey[],
  revoked: { kid: string; spare: KeyPair },
  nowSeconds: number,
): Rotated {
  if (!keys.some((key) => key.kid === revoked.kid)) return refuse('unknown_key')
  const marked = present(keys, nowSeconds).map((key) =>
    key.kid === revoked.kid ? { ...retiredAt(key, nowSeconds), revoked: true } : key,
  )
  const waiting = marked.find((key) => !key.revoked && key.activeAt > nowSeconds)
  const current = signingKey(marked, nowSeconds)
  if (current) {
    const stays = waiting ? current : forever(current)
    return { ok: true, keys: marked.map((key) => (key === current ? stays : key)) }
  }
  const atOnce = { publishAt: nowSeconds, activeAt: nowSeconds }
  return waiting
    ? { ok: true, keys: marked.map((key) => (key === waiting ? { ...key, ...atOnce } : key)) }
    : { ok: true, keys: [...marked, proofKeyOf(revoked.spare, atOnce)] }
}

/** What changes at one moment: which key signs from then on, and which are published. */
export type TimelineRow = { at: number; signs: string | undefined; published: string[] }

/** What a set of keys will do from now on, one row for each moment something changes. */
export function timelineOf(keys: readonly ProofKey[], nowSeconds: number): TimelineRow[] {
  const moments = keys
    .flatMap((key) => [key.publishAt, key.activeAt, key.retireAt ?? 0, key.removeAt ?? 0])
    .filter((moment) => moment > nowSeconds)
  const rows = [...new Set([nowSeconds, ...moments])]
    .sort((a, b) => a - b)
    .map((at) => ({
      at,
      signs: signingKey(keys, at)?.kid,
      published: publishedKeys(keys, at).map((key) => key.kid),
    }))
  return rows.filter((row, index) => !isSame(row, rows[index - 1]))
}

const isSame = (row: TimelineRow, before: TimelineRow | undefined) =>
  row.signs === before?.signs && row.published.join() === before?.published.join()

/** Keys whose time is over are left out, so that the set never outgrows its secret. */
const present = (keys: readonly ProofKey[], nowSeconds: number) =>
  keys.filter((key) => (key.removeAt ?? Infinity) > nowSeconds)

const retiredAt = (key: ProofKey, retireAt: number): ProofKey => ({
  ...key,
  retireAt,
  removeAt: retireAt + RETENTION_SECONDS,
})

function forever({ retireAt: _, removeAt: __, ...key }: ProofKey): ProofKey {
  return key
}

const proofKeyOf = (
  { thumbprint, x, d }: KeyPair,
  life: Pick<ProofKey, 'publishAt' | 'activeAt'>,
): ProofKey => ({ kid: thumbprint, x, d, ...life, revoked: false })

const refuse = (reason: Extract<Rotated, { ok: false }>['reason']): Rotated => ({
  ok: false,
  reason,
})
