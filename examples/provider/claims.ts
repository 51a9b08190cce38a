import { createHash } from 'node:crypto'

/** What a proof must say to open one request. */
export type Expected = {
  issuer: string
  providerId: string
  endpointId: string
  network: string
  asset: string
  /** What the endpoint costs, in atomic units, for whoever pays by that price version. */
  priceOf: (version: number) => bigint
  method: string
  url: URL
}

/** What the issuer signed; its signature vouches for the form. */
export type Claims = Record<
  'iss' | 'aud' | 'eid' | 'jti' | 'network' | 'asset' | 'amount',
  string
> &
  Record<'rsh' | 'st', string> &
  Record<'pv' | 'iat' | 'exp' | 'rdm', number> & { lse?: string }

/** The first reason why these claims do not open the request, or nothing. */
export function faultOf(claims: Claims, expected: Expected): string | undefined {
  const now = Date.now() / 1000
  const { href, origin, pathname } = expected.url
  const hashes = [href, origin + pathname].map((url) => hashOf(expected.method, url))
  const judged: [boolean, string][] = [
    [claims.iss !== expected.issuer, 'proof_wrong_issuer'],
    [claims.aud !== expected.providerId, 'proof_wrong_audience'],
    [claims.eid !== expected.endpointId, 'proof_wrong_endpoint'],
    [claims.network !== expected.network, 'proof_wrong_network'],
    [claims.asset !== expected.asset, 'proof_wrong_network'],
    [now > Math.min(claims.exp + 5, claims.rdm), 'proof_expired'],
    [claims.iat > now + 60, 'proof_not_yet_valid'],
    [BigInt(claims.amount) < expected.priceOf(claims.pv), 'proof_amount_low'],
    [!hashes.includes(claims.rsh), 'proof_wrong_resource'],
    // Held or leased money has to be captured or presented, and this provider does neither.
    [claims.st !== 'settled' || claims.lse !== undefined, 'payment_not_settled'],
  ]
  return judged.find(([applies]) => applies)?.[1]
}

/** Names a method and a URL as proofs do: half of a SHA-256. */
function hashOf(method: string, url: string): string {
  const digest = createHash('sha256').update(`${method} ${url}`).digest()
  return digest.toString('base64url', 0, 16)
}
