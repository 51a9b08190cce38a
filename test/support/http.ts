export type Body = Record<string, unknown>

export type CallOptions = {
  /** Which edge is asked, counted from 0. */
  edge?: number
  /** The API key to present. */
  key?: string | undefined
  headers?: Record<string, string>
  method?: string
}

/** An answer read whole; `body` is its JSON, or its text when it is none. */
export type Answer = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: specs assert on members whose absence is a failure
  body: any
  text: string
}

/** Calls an edge as any client does. A body that is text is sent as it is. */
export async function call(
  url: string,
  path: string,
  options: CallOptions & { body?: Body | string },
): Promise<Answer> {
  const { key, body } = options
  const response = await fetch(url + path, {
    method: options.method ?? 'GET',
    redirect: 'manual',
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...options.headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: parsed(text), text }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
