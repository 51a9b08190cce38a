import { PaymentError } from '../client/errors.ts'

/** What a script learns from how the command ended; 0 is success, 1 a bug of ours. */
export const exitCodes = { usage: 2, auth: 3, refused: 4, dependency: 5 } as const

export type FailureKind = keyof typeof exitCodes

/** A foreseen end of the command: one line for a person, an exit code for a script. */
export class Failure extends Error {
  readonly kind: FailureKind
  readonly facts: Record<string, unknown>

  constructor(kind: FailureKind, message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.kind = kind
    this.facts = facts
  }
}

export const usage = (message: string) => new Failure('usage', message)

const auth = ['key_invalid', 'key_revoked', 'signature_required', 'signature_invalid']
const dependency = ['same_request', 'after']

/** What became of a payment, as the end of the command. */
export function failureOf(cause: unknown): Failure {
  if (cause instanceof Failure) return cause
  // What `fetch` throws when nothing is there; options are refused with another message.
  if (cause instanceof TypeError) {
    const isNetwork = cause.cause !== undefined || cause.message === 'fetch failed'
    return new Failure(isNetwork ? 'dependency' : 'usage', cause.message)
  }
  if (!(cause instanceof PaymentError)) throw cause
  const { code, retry, message, paymentId, requestId } = cause
  const facts = { code, retry, paymentId, requestId }
  if (auth.includes(code)) return new Failure('auth', message, facts)
  const isMoney = code.startsWith('funds_')
  const kind = dependency.includes(retry) && !isMoney ? 'dependency' : 'refused'
  return new Failure(kind, message, facts)
}
