import * as z from 'zod'
import { type CaptureReason, sharesOf } from '../domain/capture.ts'
import { EndpointId } from '../domain/ids.ts'
import { NumberText } from '../domain/json.ts'
import { Amount } from '../domain/money.ts'
import type { Payment } from '../domain/payment.ts'
import type { ProofClaims, ProofReason } from '../domain/proof.ts'
import { AttemptId } from './fields.ts'
import {
  IDENTIFIER,
  identifierForm,
  isNamed,
  type Identifier as Named,
} from './payment-identifier.ts'
import { captureDetails } from './settle.ts'
import { SCHEME } from './x402.ts'

/** Faults for which the open standard has a word of its own. */
const standardDetails = {
  invalid_x402_version: 'This facilitator speaks version 2 of x402.',
  invalid_payload: 'The payment payload is not in the form this scheme has.',
  invalid_payment_requirements: 'The payment requirements are not those of an endpoint here.',
  unsupported_scheme: `The one scheme here is "${SCHEME}".`,
  invalid_network: 'The network belongs to another environment.',
  settlement_pending: 'The outcome is not known yet; settle the same again.',
} as const
type StandardReason = keyof typeof standardDetails
export type FacilitatorReason = StandardReason | ProofReason | CaptureReason

/** Said to whoever reads it, the payer included, so it holds nothing private. */
export const facilitatorDetails: Record<FacilitatorReason, string> = {
  ...captureDetails,
  ...standardDetails,
}

/** Whether a body is one of the open standard: it says its version, which no native body does. */
export const isStandard = (body: object): boolean => 'x402Version' in body

const Requirements = z.lazy(() =>
  z.object({
    scheme: z.string(),
    network: z.string(),
    amount: Amount,
    asset: z.string(),
    payTo: z.string(),
    extra: z.object({ endpointId: EndpointId.nullish() }).nullish(),
  }),
)

/** The extension `payment-identifier`: the payer's own name for the payment. */
const Identifier = z.lazy(() =>
  z.object({
    info: z.object({
      required: z.boolean().nullish(),
      id: z.string().regex(identifierForm).nullish(),
    }),
  }),
)

const StandardBody = z.lazy(() =>
  z.object({
    paymentPayload: z.object({
      accepted: Requirements,
      payload: z.object({
        proof: z.string().min(1),
        requestId: z.string().nullish(),
        attemptId: AttemptId.nullish(),
      }),
      extensions: z.object({ [IDENTIFIER]: Identifier.nullish() }).nullish(),
    }),
    paymentRequirements: Requirements,
  }),
)

/** What a server asks of a facilitator: the same of `/verify` and of `/settle`. */
export type Asked = {
  proof: string
  requestId: string | undefined
  attemptId: string | undefined
  identifier: Named | undefined
  requirements: { payTo: string; asset: string; amount: Amount; endpointId: EndpointId }
}

type ReadAsked =
  | { ok: true; asked: Asked }
  /** `malformed`: it has not the form of such a body; else it asks for what is not here. */
  | { ok: false; reason: StandardReason; malformed: boolean }

/** Reads a body of the open standard; members it does not name are passed over. */
export function readAsked(body: object, network: string): ReadAsked {
  const { paymentPayload } = body as { paymentPayload?: unknown }
  if (![body, paymentPayload].every(isVersion2)) return refuse('invalid_x402_version')

  const read = StandardBody.safeParse(body)
  if (!read.success) {
    const inRequirements = read.error.issues[0]?.path[0] === 'paymentRequirements'
    const reason = inRequirements ? 'invalid_payment_requirements' : 'invalid_payload'
    return { ok: false, reason, malformed: true }
  }
  return judgeRequirements(read.data, network)
}

const refuse = (reason: StandardReason): ReadAsked => ({ ok: false, reason, malformed: false })

function isVersion2(value: unknown): boolean {
  const version = (value as { x402Version?: unknown } | null | undefined)?.x402Version
  return version instanceof NumberText && version.source === '2'
}

/** The requirements are of this scheme and network, and those the payer accepted. */
function judgeRequirements(body: z.output<typeof StandardBody>, network: string): ReadAsked {
  const { paymentPayload, paymentRequirements: required } = body
  const { accepted, payload, extensions } = paymentPayload
  if (required.scheme !== SCHEME) return refuse('unsupported_scheme')
  if (required.network !== network) return refuse('invalid_network')

  const same = (['scheme', 'network', 'asset', 'payTo'] as const).every(
    (name) => accepted[name] === required[name],
  )
  const endpointId = required.extra?.endpointId
  if (!same || !endpointId) return refuse('invalid_payment_requirements')

  const { payTo, asset, amount } = required
  const identifier = extensions?.[IDENTIFIER]?.info
  return {
    ok: true,
    asked: {
      proof: payload.proof,
      requestId: payload.requestId ?? undefined,
      attemptId: payload.attemptId ?? undefined,
      identifier: identifier && {
        required: identifier.required ?? false,
        id: identifier.id ?? undefined,
      },
      requirements: { payTo, asset, amount, endpointId },
    },
  }
}

/** Why an authentic proof is not the one the body speaks of, as far as its claims tell. */
export async function judgeAsked(
  claims: ProofClaims,
  { requestId, identifier, requirements }: Asked,
): Promise<FacilitatorReason | undefined> {
  if (claims.asset !== requirements.asset) return 'invalid_payment_requirements'
  if (requestId !== undefined && requestId !== claims.rid) return 'invalid_payload'
  const isSame = !identifier || (await isNamed(identifier, claims.rid))
  return isSame ? undefined : 'invalid_payload'
}

/** What became of the extension, for the header `EXTENSION-RESPONSES`. */
export const extensionAnswer = (accepted: boolean) => ({
  [IDENTIFIER]: accepted
    ? { status: 'success' }
    : { status: 'rejected', rejectedReason: 'identifier_not_of_this_payment' },
})

/** `POST /settle` in the open standard's shape: what was captured, in atomic units. */
export function settledAnswer(payment: Payment, network: string) {
  const { captured, released } = sharesOf(payment)
  return {
    success: true,
    payer: payment.agentId,
    transaction: payment.id,
    network,
    amount: captured.toString(),
    extra: { status: payment.state, released: released.toString() },
  }
}

/** `GET /supported`: the one kind of payment there is here, and who signs its proofs. */
export const supportedAnswer = (by: { issuer: string; network: string; kids: string[] }) => ({
  kinds: [
    {
      x402Version: 2,
      scheme: SCHEME,
      network: by.network,
      extra: { issuer: by.issuer, jwks: `${by.issuer}/.well-known/jwks.json` },
    },
  ],
  extensions: [IDENTIFIER],
  signers: { 'payos:*': by.kids },
})
