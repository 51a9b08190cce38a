import { decodeBase64url } from '../../shared/domain/base64url.ts'
import { isRecord } from '../../shared/protocol/x402.ts'
import { listed, moment } from './screen.ts'

/** The claims a proof makes, believed or not; nothing when it is no proof at all. */
export function claimsIn(proof: string): Record<string, unknown> | undefined {
  try {
    const bytes = decodeBase64url(proof.split('.')[1] ?? '')
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isRecord(claims) ? claims : undefined
  } catch {
    return undefined
  }
}

/** A proof as people read it. */
export function describeProof(claims: Record<string, unknown>): string {
  const times = ['iat', 'exp', 'rdm', 'holdExp'].filter((name) => claims[name] !== undefined)
  const told = Object.fromEntries(times.map((name) => [name, moment(claims[name])]))
  return listed({ ...claims, ...told })
}
