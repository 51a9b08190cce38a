import {
  decodeHeader,
  encodeHeader,
  headerNames,
  isRecord,
  type PaymentPayload,
} from '../../shared/protocol/x402.ts'
import type { Call } from './call.ts'
import { PaymentError } from './errors.ts'
import { backoffMs, WAIT_MAX_MS } from './patience.ts'
import { namesOf, type Purchase } from './purchases.ts'

const PRESENTATIONS_MAX = 3

/** Reasons that are the end of a proof: nobody will be served for it. */
const FINAL = ['proof_already_used', 'payment_refunded', 'payment_voided', 'payment_expired']

/** What a provider made of a proof. */
export type Outcome =
  | { kind: 'delivered'; response: Response }
  | { kind: 'refused'; response: Response; reason: string | undefined }
  | { kind: 'failed'; response: Response | undefined; cause: unknown }

/** Sends the request with its proof, once. Follows no redirect. */
export async function present(call: Call, purchase: Purchase): Promise<Outcome> {
  const { order, accepted, extensions, proof = '' } = purchase
  const payload: PaymentPayload = {
    x402Version: 2,
    resource: { url: call.url },
    accepted,
    payload: { proof, requestId: order.requestId },
    ...(extensions && { extensions }),
  }
  let response: Response
  try {
    response = await call.send({ name: headerNames.signature, value: encodeHeader(payload) })
  } catch (cause) {
    call.signal.throwIfAborted()
    return { kind: 'failed', response: undefined, cause }
  }
  if (response.type === 'opaqueredirect' || isRedirect(response.status)) {
    throw new PaymentError(
      'redirect_with_proof',
      'The provider answered the proof by a redirect.',
      {
        ...namesOf(purchase),
        response,
      },
    )
  }
  if (response.status === 402) return { kind: 'refused', response, reason: reasonIn(response) }
  if (response.status >= 500) return { kind: 'failed', response, cause: undefined }
  return { kind: 'delivered', response }
}

const isRedirect = (status: number) => /^30[12378]$/.test(`${status}`)

/** Why a 402 says a proof was refused, when it does so in one word. */
export function reasonIn(response: Response): string | undefined {
  const told = decodeHeader(response.headers.get(headerNames.required))
  const error = isRecord(told) ? told['error'] : undefined
  return typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : undefined
}

/** What to do about a proof that brought nothing: show it after a while, or a new text of it. */
export type Step = { renew: boolean; waitMs: number }

type Shown = { call: Call; purchase: Purchase; count: number }

/** Whether the same payment may be shown again, and when; otherwise the error of the call. */
export function stepAfter(
  outcome: Exclude<Outcome, { kind: 'delivered' }>,
  shown: Shown,
): Step | PaymentError {
  const step = outcome.kind === 'refused' ? afterRefusal(outcome) : afterFailure(outcome, shown)
  if (step && shown.count < PRESENTATIONS_MAX) return step
  const { response } = outcome
  const facts = { ...namesOf(shown.purchase), response }
  if (outcome.kind === 'refused') {
    const { reason } = outcome
    const detail = `It is paid, and the provider refused the proof (${reason ?? 'no reason given'}).`
    return new PaymentError('proof_refused', detail, { ...facts, reason })
  }
  const what = response ? `answered ${response.status}` : 'gave no answer'
  return new PaymentError('paid_not_delivered', `It is paid, and the provider ${what}.`, {
    ...facts,
    cause: outcome.cause,
    hint: 'The same call shows the same proof and pays nothing.',
  })
}

function afterRefusal({ reason }: Extract<Outcome, { kind: 'refused' }>): Step | undefined {
  if (reason === 'proof_expired') return { renew: true, waitMs: 0 }
  return reason === 'proof_not_yet_valid' ? { renew: false, waitMs: WAIT_MAX_MS } : undefined
}

/** A request that may have had effects is repeated only when the provider asked for that. */
function afterFailure(
  { response }: Extract<Outcome, { kind: 'failed' }>,
  { call, count }: Shown,
): Step | undefined {
  const seconds = Number.parseInt(response?.headers.get('retry-after') ?? '', 10)
  const isAskedFor = response?.status === 503 && seconds >= 0
  if (!isAskedFor && !call.isIdempotent) return undefined
  const waitMs = isAskedFor ? seconds * 1000 : backoffMs(count)
  return { renew: false, waitMs: Math.min(waitMs, WAIT_MAX_MS) }
}

/** Whether a proof refused for this reason can never be redeemed. */
export const isFinal = (reason: string | undefined): boolean => FINAL.includes(reason ?? '')
