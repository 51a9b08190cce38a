import { payMessage, thumbprint, verifyPaySignature } from '../shared/domain/pay-signature.ts'
import type { Order } from '../shared/domain/payment.ts'
import { paymentIdOf } from '../shared/domain/payment-id.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { fail, ok, type Result } from '../shared/domain/result.ts'
import type { PayRequest } from '../shared/protocol/pay.ts'
import { parsePayRequest } from '../shared/protocol/pay.ts'
import { readBody } from './body.ts'
import type { Deps } from './deps.ts'
import type { PayosContext } from './http.ts'

/** How far a request's timestamp may lie from now, each way. */
const TIMESTAMP_SKEW_SECONDS = 300

export type OrderDeps = Pick<Deps, 'callers' | 'clock' | 'issuer' | 'environment'>

/**
 * Reads an order and judges all that needs no trip: form, key, signature, timestamp, in this order.
 * What it answers is authentic as far as its own bytes go; the ledger confirms key and signer.
 */
export async function readOrder(c: PayosContext, deps: OrderDeps): Promise<Result<Order>> {
  const body = await readBody(c.req.raw)
  if (!body.ok) return body
  const read = parsePayRequest(body.value, {
    alias: c.req.header('idempotency-key'),
    allowLoopbackHttp: deps.environment === 'test',
  })
  if (!read.ok) return read
  const request = read.value

  const holder = await deps.callers.of(c, ['agent'])
  if (!holder.ok) return holder
  const signer = await signerOf(request, deps.issuer)
  if (!signer.ok) return signer
  if (Math.abs(deps.clock.nowSeconds() - request.seconds) > TIMESTAMP_SKEW_SECONDS) return notRecent

  return ok({
    id: await paymentIdOf(request),
    content: request,
    href: request.href,
    // A lease holds no amount for one payment, so what is captured by hand never comes from one.
    settlement: request.capture === 'manual' ? 'sync' : request.settlement,
    caller: { ...holder.value, thumbprint: signer.value },
  })
}

/** The thumbprint of the key that signed the request; nothing when it is unsigned. */
async function signerOf(request: PayRequest, issuer: string): Promise<Result<string | undefined>> {
  const { publicKey, signature } = request
  if (!publicKey || !signature) return ok(undefined)

  const message = payMessage({ ...request, issuer })
  const valid = message !== undefined && (await verifyPaySignature(message, publicKey, signature))
  return valid
    ? ok(await thumbprint(publicKey))
    : { ok: false, problem: refusal('signature_invalid') }
}

const notRecent = fail('timestamp_out_of_range', {
  detail: 'The timestamp is more than 300 seconds from now.',
  hint: 'Set the clock, put the current time in the request and sign it again; keep the requestId.',
  param: 'timestamp',
})
