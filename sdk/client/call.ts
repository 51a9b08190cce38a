import { encodeBase64url } from './base64url.ts'

/** What a paying call may say beside what `fetch` takes. */
export type CallOptions = {
  /**
   * The name of this purchase, 1 to 64 characters of `[A-Za-z0-9_-]`. The same name is paid once,
   * whatever happens. Default: a new one, or that of an unfinished call of the same request.
   */
  requestId?: string
}

/** One request of the user's, which can be sent any number of times. */
export type Call = {
  method: string
  /** Without fragment. */
  url: string
  origin: string
  /** Names method, URL and body; the same for a repeat after a restart. */
  fingerprint: string
  requestId: string | undefined
  signal: AbortSignal
  /** Whether to repeat it may be left to us (RFC 9110 section 9.2.2). */
  isIdempotent: boolean
  send(proof?: { name: string; value: string }): Promise<Response>
}

export type CallInit = RequestInit & { payment?: CallOptions }

/** Reads a request once, body included, as `fetch` would. */
export async function readCall(
  base: typeof fetch,
  input: string | URL | Request,
  { payment, ...init }: CallInit = {},
): Promise<Call> {
  const request = new Request(input, init)
  const { requestId } = payment ?? {}
  if (requestId !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(requestId)) {
    throw new TypeError('payment.requestId is 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-"')
  }
  const method = request.method.toUpperCase()
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const body = hasBody ? await request.arrayBuffer() : undefined
  const url = request.url.replace(/#.*$/s, '')
  return {
    method,
    url,
    origin: new URL(url).origin,
    fingerprint: await fingerprintOf(`${method} ${url}`, body),
    requestId,
    signal: request.signal,
    isIdempotent: ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'].includes(method),
    send(proof) {
      const headers = new Headers(request.headers)
      if (proof) headers.set(proof.name, proof.value)
      const changes = {
        headers,
        ...(body && { body }),
        // A proof is shown to the origin it is for, and to nobody that origin names.
        ...(proof && { redirect: 'manual' as const }),
      }
      if (!(input instanceof Request)) return base(input, { ...init, ...changes })
      const { method: _, headers: __, body: ___, redirect: ____, ...transport } = init
      return base(new Request(request, changes), transport)
    },
  }
}

async function fingerprintOf(line: string, body: ArrayBuffer | undefined): Promise<string> {
  if (!body?.byteLength) return line
  const digest = await crypto.subtle.digest('SHA-256', body)
  return `${line} ${encodeBase64url(new Uint8Array(digest))}`
}
