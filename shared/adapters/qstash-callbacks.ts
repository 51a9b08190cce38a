import { jwtVerify } from 'jose'
import { encodeBase64url } from '../domain/base64url.ts'
import type { Callbacks, Clock } from '../ports.ts'

export type CallbackTerms = {
  /** The origin QStash knows this deployment by. */
  origin: string
  /** The current key, then the next one: QStash may change over at any moment. */
  signingKeys: readonly string[]
}

/** Two clocks may differ by as much. */
const TOLERANCE_SECONDS = 5

/** QStash signs for five minutes; a signature that claims more is not one of its own. */
const LIFE_SECONDS = 300

const SIGNATURE_LENGTH_MAX = 2_048

/** The signing keys of QStash's development server, printed in its public package. */
const DEVELOPMENT_KEYS = ['sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r', 'sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs']

/** Whether everybody knows this signing key. */
export const isDevelopmentKey = (key: string): boolean => DEVELOPMENT_KEYS.includes(key)

/**
 * Tells QStash's callbacks from everybody else's, by the signature alone.
 *
 * Its headers are not signed, so nothing is read from them; a message for another address of ours,
 * or for a provider's, is signed by the same keys, so the address is compared to the letter.
 */
export function qstashCallbacks({ origin, signingKeys }: CallbackTerms, clock: Clock): Callbacks {
  const keys = signingKeys.map((key) => new TextEncoder().encode(key))

  return {
    async read({ signature, path, body }) {
      if (signature === undefined || signature.length > SIGNATURE_LENGTH_MAX) return undefined
      const terms = { url: origin + path, nowSeconds: clock.nowSeconds() }
      for (const key of keys) {
        const claims = await claimsOf(signature, key, terms)
        if (claims) return (await isSigned(body, claims.body)) ? { id: claims.jti } : undefined
      }
      return undefined
    },
  }
}

type Claims = { jti: string; body: string }

/** What an authentic signature claims, made by this key for this address and still good. */
async function claimsOf(
  signature: string,
  key: Uint8Array,
  { url, nowSeconds }: { url: string; nowSeconds: number },
): Promise<Claims | undefined> {
  try {
    const { payload } = await jwtVerify(signature, key, {
      algorithms: ['HS256'],
      issuer: 'Upstash',
      subject: url,
      requiredClaims: ['exp', 'nbf', 'jti', 'body'],
      maxTokenAge: LIFE_SECONDS,
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: new Date(nowSeconds * 1000),
    })
    const { jti, body } = payload
    return typeof jti === 'string' && typeof body === 'string' ? { jti, body } : undefined
  } catch {
    return undefined
  }
}

/** QStash pads the hash, against the habit of base64url. */
async function isSigned(body: Uint8Array<ArrayBuffer>, hash: string): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body))
  return hash.replace(/=+$/, '') === encodeBase64url(digest)
}
