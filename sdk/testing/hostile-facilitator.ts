import { parseUnits } from '../../shared/domain/decimal.ts'
import { type PaymentContent, paymentIdOf } from '../../shared/domain/payment-id.ts'
import { isRecord } from '../../shared/protocol/x402.ts'
import { makeProofKey, signProof } from './mint.ts'

/** What a dishonest or broken facilitator does to who pays, verifies or settles; one thing each. */
export const facilitatorModes = [
  /** Finds every proof good, and every use of it the first. */
  'lies_on_verify',
  /** Says that all is settled, or paid, and does nothing. */
  'forged_success',
  /** Says no to everything, and does nothing. */
  'refuses_all',
  /** Takes the request and never answers. */
  'never_answers',
  /** Does what is asked and answers 500. */
  'error_after_settling',
  /** Does what is asked and says that somebody else paid. */
  'wrong_payer',
  /** Does what is asked and says that another amount moved. */
  'wrong_amount',
  /** Does what is asked and says that it was on another network. */
  'wrong_network',
  /** Does what is asked and never ends its answer. */
  'slow_body',
  /** Does what is asked and answers it in four megabytes. */
  'huge_body',
] as const

export type FacilitatorMode = (typeof facilitatorModes)[number]

type Handler = (request: Request) => Promise<Response>

/**
 * A facilitator of that mode, as a handler to serve or to give to `fetch` options.
 *
 * It stands before an `honest` one (`testPayos().fetch`, or a real edge), which is asked where the
 * mode does as it is told. What is only looked up (keys, quotes, payments) is answered honestly.
 */
export function hostileFacilitator(mode: FacilitatorMode, honest: Handler): Handler {
  const alone = answersAlone[mode]
  return async (request) => {
    if (request.method !== 'POST') return honest(request)
    const path = new URL(request.url).pathname
    const answer = await alone?.(path, request)
    return answer ?? spoilt(mode, await honest(request))
  }
}

type Alone = (path: string, request: Request) => Response | undefined | Promise<Response>

/** What each mode answers without asking the honest one. */
const answersAlone: Partial<Record<FacilitatorMode, Alone>> = {
  lies_on_verify: (path) => (path.endsWith('/verify') ? Response.json(yes) : undefined),
  forged_success: async (path, request) => forged(path, await request.json()),
  refuses_all: refusalOf,
  never_answers: () => new Promise(() => undefined),
}

/** In the words of both faces, native and standard. */
const yes = { valid: true, isValid: true, payer: 'whoever', success: true, transaction: 'none' }

const no = { valid: false, isValid: false, reason: 'payment_voided', success: false }

function refusalOf(path: string): Response {
  const standard = { invalidReason: 'payment_voided', errorReason: 'payment_voided' }
  const settled = { transaction: '', network: 'payos:test' }
  if (!path.endsWith('/pay')) return Response.json({ ...no, ...standard, ...settled })
  const detail = 'The policy forbids it.'
  return Response.json({ code: 'policy_refused', retry: 'never', detail }, { status: 403 })
}

/** Success as it would be told; of `/pay`, with a proof by a key that nobody published. */
async function forged(path: string, body: Record<string, unknown>): Promise<Response> {
  if (!path.endsWith('/pay')) return Response.json({ ...yes, network: 'payos:test' })
  const content = { ...body, amount: parseUnits(`${body['amount']}`) } as unknown as PaymentContent
  const paymentId = await paymentIdOf(content)
  const proof = await signProof(await makeProofKey(), { jti: paymentId })
  const proofExpiresAt = new Date(Date.now() + 120_000).toISOString()
  return Response.json({ paymentId, status: 'settled', proof, proofExpiresAt })
}

async function spoilt(mode: FacilitatorMode, answer: Response): Promise<Response> {
  if (mode === 'lies_on_verify') return answer
  const text = await answer.text()
  const { status } = answer
  const headers = { 'Content-Type': 'application/json' }
  if (mode === 'error_after_settling') return new Response('broken', { status: 500 })
  if (mode === 'slow_body') return new Response(endless(text.slice(0, -1)), { status, headers })
  if (mode === 'huge_body') return new Response(' '.repeat(2 ** 22) + text, { status, headers })
  const lies: Partial<Record<FacilitatorMode, Record<string, string>>> = {
    wrong_payer: { payer: 'somebody-else', agentId: crypto.randomUUID() },
    wrong_amount: { amount: '999000000', captured: '999' },
    wrong_network: { network: 'eip155:8453' },
  }
  const told: unknown = JSON.parse(text)
  return Response.json(isRecord(told) ? { ...told, ...lies[mode] } : told, { status })
}

/** A body that begins, and goes no further. */
const endless = (beginning: string) =>
  new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(beginning)),
  })
