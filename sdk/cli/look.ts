import { isRecord } from '../../shared/protocol/x402.ts'
import { ask } from './edge.ts'
import { Failure, usage } from './failure.ts'
import { claimsIn, describeProof } from './proof-text.ts'
import { cross, listed, type Outcome, tick } from './screen.ts'
import type { Setup } from './setup.ts'

/** Has the edge judge a proof. What only its provider can judge is named, not guessed. */
export async function verify(proof: string, { edge }: Setup): Promise<Outcome> {
  const claims = claimsIn(proof)
  if (!claims) throw usage('that is no proof: three parts in base64url, joined by points')
  const answer = await ask(`${edge}/v1/x402/verify`, {
    method: 'POST',
    body: JSON.stringify({ proof }),
  })
  const data = { ...answer, claims }
  const told = describeProof(claims)
  if (answer['valid'] !== true) {
    const { reason, detail } = answer
    throw new Failure('refused', `${reason}. ${detail}\n${cross} ${reason}\n${told}`, data)
  }
  const unchecked = Array.isArray(answer['unchecked']) ? answer['unchecked'].join(', ') : ''
  return { text: `${tick} valid; not judged here: ${unchecked || 'nothing'}\n${told}`, data }
}

/** Looks a payment up, as its agent or its provider. */
export async function payment(
  id: string,
  setup: Setup,
  side: 'agent' | 'provider',
): Promise<Outcome> {
  const apiKey = side === 'agent' ? setup.agent.apiKey : setup.providerKey
  if (apiKey === undefined) throw usage(`looking as ${side} needs PAYOS_${side.toUpperCase()}_KEY`)
  const data = await ask(`${setup.edge}/v1/x402/payments/${encodeURIComponent(id)}`, { apiKey })
  const { timeline, ...facts } = data
  const events = Array.isArray(timeline) ? timeline.filter(isRecord) : []
  const lines = events.map(({ status, at }) => `${tick} ${at}  ${status}`)
  return { text: [listed(facts), ...lines].join('\n'), data }
}

/** Makes an Ed25519 key for an agent that signs its payments. */
export async function newKey(): Promise<Outcome> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { x = '', d = '' } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  const privateJwk = { ...publicJwk, d }
  const text =
    `public   ${JSON.stringify(publicJwk)}\nprivate  ${JSON.stringify(privateJwk)}\n\n` +
    'Have the public one registered; give the private one as "signer", or in PAYOS_SIGNER.'
  return { text, data: { publicJwk, privateJwk } }
}
