import type { Bundle } from '../../local/bundle.ts'
import { startEdges } from '../../local/edges.ts'

/** Runs a small Worker of the bench's own, alone in its process. */
export async function startWorker(
  bundle: Bundle,
): Promise<AsyncDisposable & { url: string; pids: () => number[] }> {
  const edges = await startEdges({ bundle, bindings: {}, control: false })
  return {
    url: edges.edges[0]?.url ?? '',
    pids: () => edges.pids(),
    [Symbol.asyncDispose]: () => edges.stop(),
  }
}
