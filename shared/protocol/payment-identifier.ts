import { encodeBase64url } from '../domain/base64url.ts'
import { sha256 } from '../domain/digest.ts'
import { isRecord } from './x402.ts'

/** The extension of the open standard by which a payer names a payment, for repeats of it. */
export const IDENTIFIER = 'payment-identifier'

/** What an identifier looks like. */
export const identifierForm = /^[A-Za-z0-9_-]{16,128}$/

/** What a server asks of the extension, and the payer's name when there is one. */
export type Identifier = { required: boolean; id: string | undefined }

/** The extension among those of a 402 or a payment: `malformed` when it has another form. */
export function identifierIn(extensions: unknown): Identifier | 'malformed' | undefined {
  const extension = isRecord(extensions) ? extensions[IDENTIFIER] : undefined
  if (extension === undefined || extension === null) return undefined
  const info = isRecord(extension) ? extension['info'] : undefined
  if (!isRecord(info)) return 'malformed'
  const id = info['id'] ?? undefined
  const isGood = id === undefined || (typeof id === 'string' && identifierForm.test(id))
  return isGood ? { required: info['required'] === true, id } : 'malformed'
}

/**
 * The request id an identifier stands for: itself, or its SHA-256 when it is too long. The ledger
 * lets one request id pay for one content, so one identifier does.
 */
export const requestIdOf = async (identifier: string): Promise<string> =>
  identifier.length <= 64 ? identifier : encodeBase64url(await sha256(identifier))

/** Whether a payment that was made under this request id is the one the extension names. */
export async function isNamed({ required, id }: Identifier, requestId: string): Promise<boolean> {
  return id === undefined ? !required : (await requestIdOf(id)) === requestId
}
