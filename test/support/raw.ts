import type { Answer } from './http.ts'
import type { World } from './world.ts'

export type RawRequest = {
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
}

/** Sends just these bytes and headers to the first edge; nothing is added but what HTTP needs. */
export async function sendRaw(world: World, path: string, raw: RawRequest): Promise<Answer> {
  const url = world.payos.edges.edges[0]?.url
  const response = await fetch(`${url}${path}`, { redirect: 'manual', ...raw })
  const text = await response.text()
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '')
  const body = isJson ? JSON.parse(text) : text
  return { status: response.status, headers: response.headers, body, text }
}
