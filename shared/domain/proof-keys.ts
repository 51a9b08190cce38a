import * as z from 'zod'

/** How long a key is published before it signs, so that every cached key set knows it. Seconds. */
export const NOTICE_SECONDS = 10 * 60

/** How long a key stays published after its last signature. Seconds. */
export const RETENTION_SECONDS = 24 * 60 * 60

const Moment = z.int().nonnegative()

/** One signing key and its life, in unix seconds. States follow from the times; nobody switches them. */
export const ProofKey = z
  .strictObject({
    kid: z.string().length(43),
    x: z.string().length(43),
    d: z.string().length(43),
    publishAt: Moment,
    activeAt: Moment,
    retireAt: Moment.optional(),
    removeAt: Moment.optional(),
    revoked: z.boolean().default(false),
  })
  .refine(
    (key) => key.removeAt === undefined || key.removeAt >= (key.retireAt ?? 0) + RETENTION_SECONDS,
    {
      message: 'removeAt: a retired key stays published for at least 24 hours',
    },
  )
export type ProofKey = z.output<typeof ProofKey>

export const ProofKeys = z.array(ProofKey).min(1)

export type ProofKeyState = 'absent' | 'next' | 'active' | 'retired' | 'revoked'

/** The state of a key at a moment: next (published), active (signs), retired (verifies), revoked. */
export function stateOf(key: ProofKey, nowSeconds: number): ProofKeyState {
  if (key.revoked) return 'revoked'
  if (nowSeconds < key.publishAt || nowSeconds >= (key.removeAt ?? Infinity)) return 'absent'
  if (nowSeconds < key.activeAt) return 'next'
  return nowSeconds < (key.retireAt ?? Infinity) ? 'active' : 'retired'
}

/** The key that signs now: of the active ones, the one that became active last. */
export const signingKey = (keys: readonly ProofKey[], nowSeconds: number): ProofKey | undefined =>
  keys
    .filter((key) => stateOf(key, nowSeconds) === 'active')
    .sort((a, b) => b.activeAt - a.activeAt)[0]

/** The keys a provider may verify with now, oldest first: next, active and retired ones. */
export const publishedKeys = (keys: readonly ProofKey[], nowSeconds: number): ProofKey[] =>
  keys
    .filter((key) => ['next', 'active', 'retired'].includes(stateOf(key, nowSeconds)))
    .sort((a, b) => a.activeAt - b.activeAt)

/** A public key as the key set shows it (RFC 7517, RFC 8037): never a private member. */
export const publicJwkOf = ({ kid, x }: Pick<ProofKey, 'kid' | 'x'>) => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x,
  kid,
  use: 'sig',
  alg: 'EdDSA',
})

/** Whether what was issued at `iat` may have been signed by this key. */
export const couldHaveSigned = (key: ProofKey, iat: number, skewSeconds = 60): boolean =>
  iat >= key.activeAt - skewSeconds && iat < (key.retireAt ?? Infinity) + skewSeconds
