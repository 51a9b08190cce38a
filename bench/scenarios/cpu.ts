import { alternate } from '../measure/alternate.ts'
import { drive } from '../measure/drive.ts'
import { ofRounds } from '../measure/figure.ts'
import { cpuMsOf } from '../measure/process.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { openEdge } from '../world/edge.ts'
import { payBody } from '../world/order.ts'
import { orders } from '../world/payers.ts'
import { payByOneCall, type SmallWorker, startOneCall, startWorker } from '../world/worker.ts'

const CLIENTS = 8

/** CPU the edge spends on a payment, by the operating system's count of workerd's time. */
export const cpu: Scenario = {
  name: 'cpu',
  title: 'CPU time a payment costs the edge',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: {
        ...{ agents: 16, wallets: bench.pick(100, 5000), providers: 1 },
        signing: bench.pick(100, 5000),
      },
    })
    await using hello = await startWorker(bench.bundles.hello)
    await using oneCall = await startOneCall(bench.bundles.oneCall, edge, { signs: false })
    await using oneSigned = await startOneCall(bench.bundles.oneCall, edge, { signs: true })
    const count = bench.pick(200, 2500)
    let made = 0
    const pays = (signed: boolean) => {
      const issuer = signed ? edge.payos.issuer : undefined
      const { wallets, signing, providers } = edge.parties
      const next = orders({ providers, wallets: signed ? signing : wallets })
      return async () => {
        // Signed before the clock starts, and in other processes' time anyway.
        const ready = Array.from({ length: count }, next).map((order) => ({
          order,
          body: payBody(order, { issuer }),
        }))
        return cpuPer(count, edge.payos.edges.pids(), async () => {
          const it = ready.pop()
          if (it) await edge.pay(it.order, { body: it.body })
          made += 1
        })
      }
    }
    const calls = (worker: SmallWorker) => () => {
      const next = orders(edge.parties)
      return cpuPer(count, worker.pids(), async () => {
        await payByOneCall(edge, worker, next())
        made += 1
      })
    }
    const greets = () =>
      cpuPer(count, hello.pids(), async () => {
        if ((await edge.http.send(hello.url, { body: '{}' })).status !== 200) {
          throw new Error('no greeting')
        }
      })
    const rounds = await alternate(
      {
        ...{ signed: pays(true), unsigned: pays(false) },
        ...{ signing: calls(oneSigned), call: calls(oneCall), hello: greets },
      },
      { rounds: bench.pick(1, 5), onRound: bench.progress },
    )
    await assertBooks(edge, made)
    return figuresOf(rounds, count)
  },
}

async function cpuPer(count: number, pids: number[], run: () => Promise<void>): Promise<number> {
  const before = await cpuMsOf(pids)
  await drive({ clients: CLIENTS, count, run })
  const after = await cpuMsOf(pids)
  return before === undefined || after === undefined ? Number.NaN : (after - before) / count
}

type Contender = 'signed' | 'unsigned' | 'signing' | 'call' | 'hello'

const less = "less a hello-world Worker's"
const titles = {
  signed: `A payment with a signed request, ${less}`,
  unsigned: `Unsigned, ${less}`,
  signing: `A Worker that makes the same one call, signs once and verifies once, ${less}`,
  call: `A Worker that only makes the same one call, ${less}`,
}

function figuresOf(rounds: Record<Contender, number[]>, count: number): Figure[] {
  // Where the system does not tell threads' times there is nothing to report.
  if (rounds.hello.some(Number.isNaN)) return []
  const about = {
    unit: 'ms' as const,
    method: `user and system time of workerd's threads over ${count} requests a round, ${CLIENTS} clients`,
    asserted: 'every payment settled; books balance',
  }
  const n = count * rounds.hello.length
  const above = (Object.keys(titles) as (keyof typeof titles)[]).map((name) =>
    ofRounds(
      {
        ...about,
        name: `cpu/${name}`,
        title: titles[name],
        ...(name === 'signed' && { budget: { atMost: 0.5 } }),
      },
      rounds[name].map((ms, round) => ms - (rounds.hello[round] ?? 0)),
      n,
    ),
  )
  const hello = { ...about, name: 'cpu/hello', title: 'A hello-world Worker' }
  return [...above, ofRounds(hello, rounds.hello, n)]
}
