import { alternate } from '../measure/alternate.ts'
import { ofRounds } from '../measure/figure.ts'
import { cpuMsOf } from '../measure/process.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { openEdge } from '../world/edge.ts'
import { startWorker } from '../world/worker.ts'

/** How large the Worker is, and what its first request costs before it can be answered. */
export const bundle: Scenario = {
  name: 'bundle',
  title: 'The Worker: size and start',
  async run(bench) {
    const { gzipBytes, bytes } = bench.bundles.payos
    const kilobytes = gzipBytes / 1000
    const size: Figure = {
      name: 'bundle/gzip',
      title: 'Bundle, minified and compressed',
      value: kilobytes,
      unit: 'KB',
      spread: [kilobytes, kilobytes],
      n: 1,
      method: `esbuild as for a deployment, gzip; ${Math.round(bytes / 1000)} KB before`,
      asserted: 'the bundle is the one all other scenarios run',
      budget: { atMost: 140 },
    }
    return [size, ...(await starts(bench))]
  },
}

async function starts(bench: Bench): Promise<Figure[]> {
  await using edge = await openEdge(bench, {
    population: { agents: 1, wallets: 1, providers: 1 },
  })
  const health = async (url: string) => {
    if ((await edge.http.send(url)).status !== 200) throw new Error('not healthy')
  }
  const rounds = await alternate(
    {
      payos: async () => {
        await edge.payos.edges.restart()
        await health(`${edge.urls[0]}/health`)
        return (await cpuMsOf(edge.payos.edges.pids())) ?? Number.NaN
      },
      hello: async () => {
        await using hello = await startWorker(bench.bundles.hello)
        await health(hello.url)
        return (await cpuMsOf(hello.pids())) ?? Number.NaN
      },
    },
    { rounds: bench.pick(1, 10), onRound: bench.progress },
  )
  if (rounds.payos.some(Number.isNaN)) return []
  return [
    ofRounds(
      {
        name: 'bundle/start',
        title: "CPU from start to the first answer, less a hello-world Worker's",
        unit: 'ms',
        method: 'a new workerd process each time; user and system time of its threads',
        asserted: 'answered /health with 200',
        budget: { atMost: 30 },
      },
      rounds.payos.map((ms, round) => ms - (rounds.hello[round] ?? 0)),
    ),
  ]
}
