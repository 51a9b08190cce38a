import { readJson } from '../../shared/domain/json.ts'
import { type Identifier, identifierIn } from '../../shared/protocol/payment-identifier.ts'
import { headerBytes, headerNames, isRecord, SCHEME } from '../../shared/protocol/x402.ts'
import type { ProofReason } from './proof.ts'

/** What a request shows: nothing, one proof, or something that cannot be accepted. */
export type Presented =
  | { kind: 'none' }
  | { kind: 'proof'; token: string; identifier?: Identifier | undefined }
  | { kind: 'fault'; reason: ProofReason }

/** What the entry an agent says it paid must agree with. */
export type Asked = { network: string; asset: string; payTo: string; endpointId: string }

/**
 * Finds the proof of a request, in `PAYMENT-SIGNATURE` or `X-Payment-JWT`.
 *
 * One proof is accepted, in one of the two: where two parties could read two different ones,
 * neither is. A header sent twice arrives joined by a comma, which no proof contains.
 */
export function presentedIn(
  header: (name: string) => string | null | undefined,
  asked: Asked,
): Presented {
  const signature = header(headerNames.signature) ?? ''
  const jwt = header(headerNames.jwt) ?? ''
  if (signature === '' && jwt === '') return { kind: 'none' }
  const isTwo = (signature !== '' && jwt !== '') || /,/.test(signature + jwt)
  if (isTwo) return fault('ambiguous_proof')
  return jwt === '' ? inPayload(signature, asked) : { kind: 'proof', token: jwt }
}

const fault = (reason: ProofReason): Presented => ({ kind: 'fault', reason })

/** The proof decides; the rest must not say otherwise, since others may have gone by it. */
function inPayload(text: string, asked: Asked): Presented {
  const bytes = headerBytes(text)
  const json = bytes && readJson(bytes, 'float')
  const sent = json?.ok && isRecord(json.value) ? json.value : {}
  const { x402Version, accepted, payload, extensions } = sent
  const identifier = identifierIn(extensions)
  const isWhole = isRecord(accepted) && isRecord(payload) && identifier !== 'malformed'
  if (x402Version !== 2 || !isWhole) return fault('proof_malformed')

  const reason = disagreement(accepted, asked)
  const { proof } = payload
  if (reason || typeof proof !== 'string') return fault(reason ?? 'proof_malformed')
  return { kind: 'proof', token: proof, identifier }
}

/** Why the entry an agent says it paid is not the one that was asked. */
function disagreement(accepted: Record<string, unknown>, asked: Asked): ProofReason | undefined {
  const { scheme, network, asset, payTo, extra } = accepted
  if (scheme !== SCHEME || asset !== asked.asset) return 'proof_malformed'
  if (network !== asked.network) return 'proof_wrong_network'
  if (payTo !== asked.payTo) return 'proof_wrong_audience'
  const isOther = isRecord(extra) && extra['endpointId'] !== asked.endpointId
  return isOther ? 'proof_wrong_endpoint' : undefined
}
