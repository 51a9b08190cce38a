import type { Payer, Requirement } from './agent.ts'

export type Paid = { paymentId: string; proof: string }

/**
 * Pays one requirement at the edge. It repeats a request that had no answer: the same request is
 * the same payment, so nothing is paid twice.
 */
export async function pay(url: string, payer: Payer, requirement: Requirement): Promise<Paid> {
  const order = {
    endpointId: requirement.extra.endpointId,
    walletId: payer.walletId,
    amount: decimal(requirement.amount),
    currency: requirement.asset,
    requestId: crypto.randomUUID(),
    timestamp: Math.floor(Date.now() / 1000),
    method: 'GET',
    resource: new URL(url).href,
    settlement: payer.settlement ?? 'sync',
  }
  const body = JSON.stringify({ ...order, ...(await sign(order, payer)) })
  const headers = { authorization: `Bearer ${payer.apiKey}`, 'content-type': 'application/json' }
  for (let attempt = 1; ; attempt++) {
    const asked = fetch(`${payer.edge}/v1/x402/pay`, { method: 'POST', headers, body })
    const answer = await asked.catch(() => undefined)
    if (answer?.ok) return answer.json()
    const problem = await answer?.json().catch(() => undefined)
    if (problem?.retry !== 'same_request' && answer && answer.status < 500) {
      throw new Error(`not paid: ${problem?.code}. ${problem?.detail} ${problem?.hint}`)
    }
    if (attempt === 3) throw new Error(`not known to be paid: ${problem?.detail ?? 'no answer'}`)
  }
}

/** The members that sign an order, for an agent that has a key: twelve lines, Ed25519. */
async function sign(order: Record<string, string | number>, { edge, privateJwk }: Payer) {
  if (!privateJwk) return {}
  const names = ['walletId', 'endpointId', 'amount', 'currency', 'requestId', 'timestamp']
  const fields = [...names, 'method', 'resource', 'settlement'].map((name) => order[name])
  const text = ['payos-x402-pay-v1', edge, ...fields, 'automatic'].join('\n')

  const publicKey = { kty: 'OKP', crv: 'Ed25519', x: privateJwk.x }
  const jwk = { ...publicKey, d: privateJwk.d }
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
  const bytes = await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(text))
  return { publicKey, signature: Buffer.from(bytes).toString('base64url') }
}

/** Atomic units in the one decimal form that can be signed: `1000` is `0.001`. */
export function decimal(units: string): string {
  const digits = units.padStart(7, '0')
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '')
}
