import { readJson } from '../../shared/domain/json.ts'
import { bounded } from '../../shared/protocol/answer.ts'
import { headerBytes, isRecord } from '../../shared/protocol/x402.ts'

const BODY_MAX = 65_536

/** A rotation has two signatures; whoever sends hundreds is not us. */
const SIGNATURES_MAX = 8

export type WebhookErrorCode =
  | 'webhook_unsigned'
  | 'webhook_out_of_time'
  | 'webhook_signature_invalid'
  | 'webhook_unreadable'

/** A request that is no webhook of ours: answer 400 and do nothing. `code` says why. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode

  constructor(code: WebhookErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What happened, once for each `id`: the same event may be brought twice. */
export type WebhookEvent = {
  id: string
  /** `payment.settled`, `payment.refunded` …; pass over those you do not know. */
  type: string
  timestamp: string
  sequence: number
  data: Record<string, unknown>
}

/** A request as `node:http` frameworks have it, its body as it came. */
export type RawWebhook = {
  headers: Record<string, string | string[] | undefined>
  body: string | Uint8Array
}

export type WebhookOptions = {
  /**
   * What you were given: `whsec_…` (a secret we share) or `whpk_…` (our public key). While one is
   * replaced by another, both.
   */
  secret: string | readonly string[]
  /** How old a request may be, or how far ahead, in seconds. Default 300. */
  toleranceSeconds?: number
  nowSeconds?: () => number
}

/**
 * Reads webhooks of PayOS (Standard Webhooks 1.0.0): what it resolves to was signed by us, for you,
 * a moment ago. Give it the bytes as they came; a body that was parsed and written anew is refused.
 *
 * @throws TypeError at once, when an option is not as expected.
 * @throws WebhookError from the returned function, for everything else.
 */
export function webhookReader({
  secret,
  toleranceSeconds = 300,
  nowSeconds = () => Date.now() / 1000,
}: WebhookOptions): (request: Request | RawWebhook) => Promise<WebhookEvent> {
  const verifiers = [secret].flat().map(verifierFrom)
  if (verifiers.length === 0) throw new TypeError(`${SECRET_FORM}, or a list of them.`)
  return async (request) => {
    const { id, time, signatures } = stampIn(request)
    if (!(Math.abs(nowSeconds() - Number.parseInt(time, 10)) <= toleranceSeconds)) {
      throw new WebhookError('webhook_out_of_time', 'It was signed too long ago, or ahead.')
    }
    const body = await bodyOf(request)
    const content = concat(new TextEncoder().encode(`${id}.${time}.`), body)
    if (await isSigned(content, signatures, verifiers)) return eventIn(id, body)
    throw new WebhookError('webhook_signature_invalid', 'No signature of it is right.')
  }
}

type Bytes = Uint8Array<ArrayBuffer>
type Verifier = (signature: string, content: Bytes) => Promise<boolean>

const SECRET_FORM = 'webhookReader: "secret" must be "whsec_…" or "whpk_…", as you were given it'

/** Signatures are compared by the runtime, in a time that tells nothing of them. */
function verifierFrom(text: string): Verifier {
  const [, kind, digits = ''] = /^wh(sec|pk)_(.*)$/s.exec(text) ?? []
  const bytes = headerBytes(digits)
  const { length } = bytes ?? { length: 0 }
  const isGood = kind === 'pk' ? length === 32 : kind === 'sec' && length >= 24 && length <= 64
  if (!bytes || !isGood) throw new TypeError(`${SECRET_FORM}.`)
  const algorithm = kind === 'pk' ? { name: 'Ed25519' } : { name: 'HMAC', hash: 'SHA-256' }
  const version = kind === 'pk' ? 'v1a,' : 'v1,'
  let key: CryptoKey | undefined
  return async (signature, content) => {
    const given = signature.startsWith(version) && headerBytes(signature.slice(version.length))
    if (!given) return false
    key ??= await crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify'])
    return crypto.subtle.verify(algorithm.name, key, given, content)
  }
}

async function isSigned(content: Bytes, signatures: string[], verifiers: Verifier[]) {
  for (const signature of signatures) {
    for (const verify of verifiers) if (await verify(signature, content)) return true
  }
  return false
}

/** What its headers say, none of it judged. */
function stampIn(request: Request | RawWebhook) {
  const [id, time = '', signed] = ['id', 'timestamp', 'signature'].map((name) =>
    headerOf(request, `webhook-${name}`),
  )
  if (!id || !signed || !/^\d{1,12}$/.test(time)) {
    throw new WebhookError('webhook_unsigned', 'It has not the three headers of a webhook.')
  }
  return { id, time, signatures: signed.split(' ').slice(0, SIGNATURES_MAX) }
}

/** A header that was sent once. */
function headerOf({ headers }: Request | RawWebhook, name: string): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  return typeof value === 'string' ? value : undefined
}

async function bodyOf(request: Request | RawWebhook): Promise<Bytes> {
  try {
    if (request instanceof Request) {
      return new Uint8Array(await bounded(request, BODY_MAX).arrayBuffer())
    }
  } catch {
    throw new WebhookError('webhook_unreadable', 'Its body is too long, or broke off.')
  }
  const { body } = request
  return typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
}

function concat(head: Bytes, tail: Bytes): Bytes {
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}

function eventIn(id: string, body: Bytes): WebhookEvent {
  const json = readJson(body, 'float')
  if (json.ok && isRecord(json.value)) return { ...(json.value as Omit<WebhookEvent, 'id'>), id }
  throw new WebhookError('webhook_unreadable', 'It holds no event.')
}
