import * as z from 'zod'
import { EndpointId, RequestId, WalletId } from '../domain/ids.ts'
import { type Amount, Currency, formatDecimal, parseDecimal } from '../domain/money.ts'
import { PublicJwk } from '../domain/pay-signature.ts'
import type { Payment } from '../domain/payment.ts'
import { type ParsedResource, parseResource } from '../domain/resource.ts'
import { ok, type Result } from '../domain/result.ts'
import { parseTimestamp } from '../domain/timestamp.ts'
import { Method, malformedField, NumberLike, parseFields } from './fields.ts'

/** The body of `POST /pay`, member by member. */
export const PayBody = z.strictObject({
  endpointId: EndpointId,
  walletId: WalletId,
  amount: NumberLike,
  currency: Currency,
  requestId: RequestId,
  timestamp: NumberLike,
  method: Method,
  resource: z.string().min(1).optional(),
  settlement: z.enum(['sync', 'async']).default('sync'),
  capture: z.enum(['automatic', 'manual']).default('automatic'),
  publicKey: PublicJwk.optional(),
  signature: z
    .string()
    .regex(/^[A-Za-z0-9_-]{86}$/)
    .optional(),
})

/** What an agent asks for, with every member in the form the domain works with. */
export type PayRequest = Omit<z.output<typeof PayBody>, 'amount' | 'timestamp'> & {
  amount: Amount
  seconds: number
  href: string | undefined
}

/** `Idempotency-Key` is another name for `requestId`, bare or as a quoted string (RFC 8941). */
const idempotencyKeyOf = (header: string | undefined): string | undefined =>
  header?.replace(/^"(.*)"$/, '$1')

/**
 * Reads the body of `POST /pay`. Every fault names its member and the form it takes.
 *
 * @param alias - The `Idempotency-Key` header, which must agree with `requestId` or stand for it.
 */
export function parsePayRequest(
  body: unknown,
  options: { alias: string | undefined; allowLoopbackHttp: boolean },
): Result<PayRequest> {
  const alias = idempotencyKeyOf(options.alias)
  const read = parseFields(PayBody, withRequestId(body, alias))
  if (!read.ok) return read
  const { amount, timestamp, resource, ...rest } = read.value

  if (alias !== undefined && alias !== rest.requestId) {
    return refuse('requestId', 'The Idempotency-Key header contradicts requestId.')
  }
  const units = parseDecimal(amount, rest.currency)
  if (units === undefined) return refuse('amount')
  const moment = parseTimestamp(timestamp)
  if (!moment.ok) return refuse('timestamp', timestampFault[moment.reason])
  const parsed = resource === undefined ? undefined : parseResource(resource, options)
  if (parsed?.ok === false) return refuse('resource', resourceFault[parsed.reason])
  if ((rest.publicKey === undefined) !== (rest.signature === undefined)) {
    return refuse(
      rest.publicKey ? 'signature' : 'publicKey',
      'publicKey and signature go together.',
    )
  }
  return ok({
    ...rest,
    ...(resource !== undefined && { resource }),
    amount: units,
    seconds: moment.seconds,
    href: parsed?.href,
  })
}

const refuse = (param: string, detail?: string): Result<never> => ({
  ok: false,
  problem: malformedField(param, detail),
})

function withRequestId(body: unknown, alias: string | undefined): unknown {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  if (!isObject || alias === undefined || 'requestId' in body) return body
  return { ...body, requestId: alias }
}

const timestampFault = {
  milliseconds: 'The timestamp looks like milliseconds; it is counted in whole seconds.',
  form: 'The timestamp is not a moment in an accepted form.',
} as const

const resourceFault: Record<Extract<ParsedResource, { ok: false }>['reason'], string> = {
  length: 'The resource is longer than 1 024 bytes.',
  control: 'The resource has a control character or white space.',
  syntax: 'The resource is not an absolute URL.',
  scheme: 'The resource is not an https URL.',
  credentials: 'The resource carries credentials.',
  fragment: 'The resource has a fragment.',
  slash: 'The resource has an encoded slash or a backslash in its path.',
  dot_segment: 'The resource has a dot segment in its path.',
}

/** The answer of `POST /pay`: the payment, and the proof to show its provider. */
export function payAnswer(
  payment: Pick<
    Payment,
    'id' | 'requestId' | 'state' | 'amount' | 'currency' | 'endpointId' | 'walletId'
  > &
    Partial<Pick<Payment, 'holdExpiresAt'>>,
  paid: {
    proof: { proof: string; expiresAt: number } | undefined
    balance: Amount | undefined
    replayed: boolean
  },
) {
  return {
    paymentId: payment.id,
    transferId: payment.id,
    requestId: payment.requestId,
    status: payment.state,
    amount: formatDecimal(payment.amount, payment.currency),
    currency: payment.currency,
    endpointId: payment.endpointId,
    walletId: payment.walletId,
    ...(paid.balance !== undefined && { balance: formatDecimal(paid.balance, payment.currency) }),
    proof: paid.proof?.proof ?? null,
    proofExpiresAt: paid.proof ? isoSeconds(paid.proof.expiresAt) : null,
    ...(payment.holdExpiresAt !== undefined && {
      holdExpiresAt: isoSeconds(payment.holdExpiresAt),
    }),
    replayed: paid.replayed,
  }
}

/** Unix seconds as RFC 3339 in UTC. */
export const isoSeconds = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
