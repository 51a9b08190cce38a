/** What a closed loop of clients did: each sent its next request when it had its last answer. */
export type Drive = { count: number; perSecond: number; latencies: number[] }

type Load = { clients: number; run: (client: number) => Promise<void> } & (
  | { seconds: number }
  | { count: number }
)

/** Drives `run` from `clients` at once, for a time or a number of runs. The first failure ends it. */
export async function drive(load: Load): Promise<Drive> {
  const latencies: number[] = []
  const started = performance.now()
  const isOver =
    'seconds' in load
      ? () => performance.now() - started >= load.seconds * 1000
      : countdown(load.count)

  const client = async (_: unknown, index: number) => {
    while (!isOver()) {
      const sent = performance.now()
      await load.run(index)
      latencies.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: load.clients }, client))
  const seconds = (performance.now() - started) / 1000
  return { count: latencies.length, perSecond: latencies.length / seconds, latencies }
}

function countdown(count: number): () => boolean {
  let left = count
  return () => {
    left -= 1
    return left < 0
  }
}
