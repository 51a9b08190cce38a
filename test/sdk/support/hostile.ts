import { type FacilitatorMode, hostileFacilitator } from '../../../sdk/testing/index.ts'
import type { World } from '../../support/world.ts'
import { type Served, serve } from './serve.ts'

/** How long is waited for a facilitator that never answers; the rest answer on loopback. */
const PATIENCE_MS = 400

/** An edge of this mode before the world's own, and a network on which nobody waits long for it. */
export async function openHostileEdge(
  world: World,
  mode: FacilitatorMode,
): Promise<Served & { fetch: typeof fetch }> {
  const honest = world.payos.edges.edges[0]?.url ?? ''
  const forward = async (request: Request) => {
    const { pathname, search } = new URL(request.url)
    const body = request.method === 'POST' ? await request.text() : undefined
    const { method, headers } = request
    return fetch(honest + pathname + search, { method, headers, ...(body && { body }) })
  }
  const served = await serve(hostileFacilitator(mode, forward))
  const isStuck = mode === 'never_answers' || mode === 'slow_body'
  const send: typeof fetch = (input, init) => {
    const toEdge = String(input).startsWith(served.origin)
    if (!(isStuck && toEdge)) return fetch(input, init)
    return fetch(input, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) })
  }
  return Object.assign(served, { fetch: send })
}
