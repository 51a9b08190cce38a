import { readJson } from '../../shared/domain/json.ts'
import { headerBytes, headerNames, isRecord, SCHEME } from '../../shared/protocol/x402.ts'
import type { ProofReason } from './proof.ts'

/** What a request shows: nothing, one proof, or something that cannot be accepted. */
export type Presented =
  | { kind: 'none' }
  | { kind: 'proof'; token: string }
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
  const { x402Version, accepted, payload } = sent
  if (x402Version !== 2 || !isRecord(accepted) || !isRecord(payload))
    return fault('proof_malformed')

  const { scheme, network, asset, payTo, extra } = accepted
  const { proof } = payload
  if (scheme !== SCHEME || asset !== asked.asset) return fault('proof_malformed')
  if (network !== asked.network) return fault('proof_wrong_network')
  if (payTo !== asked.payTo) return fault('proof_wrong_audience')
  if (isRecord(extra) && extra['endpointId'] !== asked.endpointId) {
    return fault('proof_wrong_endpoint')
  }
  return typeof proof === 'string' ? { kind: 'proof', token: proof } : fault('proof_malformed')
}
