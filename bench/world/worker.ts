import type { Bundle } from '../../local/bundle.ts'
import { startEdges } from '../../local/edges.ts'
import type { Edge } from './edge.ts'
import { type Order, settleBody } from './order.ts'

export type SmallWorker = AsyncDisposable & { url: string; pids: () => number[] }

/** Runs a small Worker of the bench's own, alone in its process. */
export async function startWorker(
  bundle: Bundle,
  bindings: Record<string, string> = {},
): Promise<SmallWorker> {
  const edges = await startEdges({ bundle, bindings, control: false })
  return {
    url: edges.edges[0]?.url ?? '',
    pids: () => edges.pids(),
    [Symbol.asyncDispose]: () => edges.stop(),
  }
}

/** Runs a Worker that only makes an edge's one call, and signs and verifies once if it `signs`. */
export function startOneCall(
  bundle: Bundle,
  { payos }: Edge,
  { signs }: { signs: boolean },
): Promise<SmallWorker> {
  const { secrets, postgrest } = payos
  return startWorker(bundle, {
    GATEWAY: postgrest.url,
    API_KEY: secrets.publishableKey,
    TOKEN: secrets.edgeToken,
    ...(signs && { SIGNS: 'yes' }),
  })
}

/** Settles an order through such a Worker. */
export async function payByOneCall({ http }: Edge, worker: SmallWorker, order: Order) {
  const { status, text } = await http.send(worker.url, { body: settleBody(order) })
  if (status !== 200 || !text.includes('"replayed":false')) throw new Error(`not settled: ${text}`)
}
