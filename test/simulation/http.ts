import type { Asked } from './edge.ts'

/**
 * As much of a request as the edge reads: headers and a body that is there in one piece. The real
 * one makes a stream of each body, which nothing here ever waits for.
 */
export function requestOf(url: string, { method, headers, body }: Asked): Request {
  const bytes = () => new TextEncoder().encode(body)
  return {
    ...{ method, url, body: null },
    headers: new Headers(headers),
    arrayBuffer: async () => bytes().buffer,
    text: async () => body ?? '',
  } as unknown as Request
}

/** As much of a response as the router makes and copies, its body a text all the way. */
export class PlainResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: string | null
  readonly bodyUsed = false

  constructor(body: string | null = null, { status = 200, headers }: ResponseInit = {}) {
    if (body !== null && typeof body !== 'string') throw new Error('a body that is no text')
    this.status = status
    this.headers = new Headers(headers)
    this.body = body
  }

  async text(): Promise<string> {
    return this.body ?? ''
  }
}
