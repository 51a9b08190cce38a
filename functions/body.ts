import { NumberText, readJson } from '../shared/domain/json.ts'
import { fail, ok, type Result } from '../shared/domain/result.ts'

const BODY_BYTES_MAX = 64 * 1024

const malformed = {
  empty: 'The body is empty.',
  bom: 'The body begins with a byte order mark.',
  utf8: 'The body is not valid UTF-8.',
  syntax: 'The body is not valid JSON.',
  depth: 'The body nests deeper than 16 levels.',
  duplicate: 'The body has the same member twice.',
  other: 'The body is not a JSON object.',
} as const

/**
 * The body as a JSON object that has one meaning, read once; or what is wrong with it.
 * One with the member `wide` may be twice as long as others.
 */
export async function readBody(request: Request, wide?: string): Promise<Result<object>> {
  const header = foreignHeader(request)
  if (header) return unsupported(header)
  const bytes = await readBytes(request, wide ? 2 * BODY_BYTES_MAX : BODY_BYTES_MAX)
  if (!bytes) return tooLarge(wide ? 128 : 64)
  const json = readJson(bytes)
  if (!json.ok) return unreadable(json.reason, json.at)
  if (!isObject(json.value)) return unreadable('other')
  const isWide = bytes.length > BODY_BYTES_MAX
  return isWide && !(wide && wide in json.value) ? tooLarge(64) : ok(json.value)
}

/** The header that says the body is not plain JSON, if one does. */
function foreignHeader({ headers }: Request): string | undefined {
  const type = headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) return 'content-type'
  const encoding = headers.get('content-encoding') ?? ''
  return /^(identity)?$/i.test(encoding) ? undefined : 'content-encoding'
}

const tooLarge = (kibibytes: number) =>
  fail('body_too_large', {
    detail: `The body is longer than ${kibibytes} KiB.`,
    hint: 'Send only the members the documentation names.',
    param: 'body',
  })

const isObject = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof NumberText)

const unreadable = (reason: keyof typeof malformed, at = 'body') =>
  fail('malformed_request', {
    detail: malformed[reason],
    hint: 'Send one JSON object in UTF-8, each member once.',
    param: at.slice(0, 80),
  })

const unsupported = (param: string) =>
  fail('unsupported_media_type', {
    detail: 'The body is taken as plain JSON only.',
    hint: 'Send "Content-Type: application/json", and the body as it is, without compression.',
    param,
  })

/** All bytes of a body, or nothing when there are too many: it stops reading there. */
export async function readBytes(
  request: Request,
  most = BODY_BYTES_MAX,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const announced = request.headers.get('content-length')
  if (announced !== null) {
    const fits = Number.parseInt(announced, 10) <= most
    return fits ? new Uint8Array(await request.arrayBuffer()) : undefined
  }
  const bytes = new Uint8Array(most)
  let length = 0
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > most) return undefined
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.subarray(0, length)
}
