/** Header names of the open standard (x402 v2), and the short form of our own. */
export const headerNames = {
  required: 'PAYMENT-REQUIRED',
  signature: 'PAYMENT-SIGNATURE',
  response: 'PAYMENT-RESPONSE',
  jwt: 'X-Payment-JWT',
} as const

/** The scheme of PayOS in `accepts`. */
export const SCHEME = 'payos-ticket'

/** What one request costs: an entry of `accepts`. Amounts in atomic units. */
export type PaymentRequirements = {
  scheme: string
  network: string
  amount: string
  asset: string
  payTo: string
  maxTimeoutSeconds: number
  extra: Record<string, unknown>
}

/** What a 402 says. */
export type PaymentRequired = {
  x402Version: 2
  error?: string
  resource?: { url: string; description?: string; mimeType?: string }
  accepts: PaymentRequirements[]
  extensions?: Record<string, unknown>
}

/** What an agent shows when it repeats its request. */
export type PaymentPayload = {
  x402Version: 2
  resource?: { url: string }
  accepted: PaymentRequirements
  payload: { proof: string; requestId: string }
  extensions?: Record<string, unknown>
}

/** What a provider says of the payment beside its answer. */
export type SettleResponse = {
  success: boolean
  transaction: string
  network: string
  payer?: string
  amount?: string
  errorReason?: string
}

/** The longest header value that is read, in characters; servers take 16 KiB of headers in all. */
const HEADER_MAX = 16_384

/** Standard base64 with padding (RFC 4648 section 4); for texts of headers, not for long ones. */
export const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** A value of these headers: standard base64, with padding, of JSON in UTF-8. */
export const encodeHeader = (value: unknown): string =>
  base64(new TextEncoder().encode(JSON.stringify(value)))

/** The bytes in such a value; `undefined` when it is not the one text that encodes them. */
export function headerBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > HEADER_MAX || !/^(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/=]{4}$/.test(text)) {
    return undefined
  }
  try {
    const binary = atob(text)
    if (btoa(binary) !== text) return undefined
    return Uint8Array.from(binary, (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** The JSON in such a value; `undefined` when there is none. Not strict: for what is only read. */
export function decodeHeader(text: string | null): unknown {
  try {
    const bytes = Uint8Array.from(atob(text ?? ''), (character) => character.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** Whether a value is an object that has members, so that they may be looked at. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads what a 402 says, from its header or its body; unknown members are kept, wrong types not. */
export function readPaymentRequired(value: unknown): PaymentRequired | undefined {
  if (!isRecord(value) || value['x402Version'] !== 2 || !Array.isArray(value['accepts'])) {
    return undefined
  }
  return { ...value, x402Version: 2, accepts: value['accepts'].filter(isRequirements) }
}

function isRequirements(value: unknown): value is PaymentRequirements {
  if (!isRecord(value) || !isRecord(value['extra'])) return false
  return ['scheme', 'network', 'amount', 'asset', 'payTo'].every(
    (name) => typeof value[name] === 'string',
  )
}
