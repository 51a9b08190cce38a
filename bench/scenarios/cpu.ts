import { alternate } from '../measure/alternate.ts'
import { drive } from '../measure/drive.ts'
import { ofRounds } from '../measure/figure.ts'
import { cpuMsOf } from '../measure/process.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { openEdge } from '../world/edge.ts'
import { payBody } from '../world/order.ts'
import { orders } from '../world/payers.ts'
import { startWorker } from '../world/worker.ts'

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
    const greets = () =>
      cpuPer(count, hello.pids(), async () => {
        if ((await edge.http.send(hello.url, { body: '{}' })).status !== 200) {
          throw new Error('no greeting')
        }
      })
    const rounds = await alternate(
      { signed: pays(true), unsigned: pays(false), hello: greets },
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

function figuresOf(
  rounds: Record<'signed' | 'unsigned' | 'hello', number[]>,
  count: number,
): Figure[] {
  // Where the system does not tell threads' times there is nothing to report.
  if (rounds.hello.some(Number.isNaN)) return []
  const above = (name: 'signed' | 'unsigned') =>
    rounds[name].map((ms, round) => ms - (rounds.hello[round] ?? 0))
  const about = {
    unit: 'ms' as const,
    method: `user and system time of workerd's threads over ${count} requests a round, ${CLIENTS} clients`,
    asserted: 'every payment settled; books balance',
  }
  const n = count * rounds.hello.length
  const less = "less a hello-world Worker's"
  return [
    ofRounds(
      {
        ...about,
        name: 'cpu/signed',
        title: `A payment with a signed request, ${less}`,
        budget: { atMost: 0.5 },
      },
      above('signed'),
      n,
    ),
    ofRounds({ ...about, name: 'cpu/unsigned', title: `Unsigned, ${less}` }, above('unsigned'), n),
    ofRounds({ ...about, name: 'cpu/hello', title: 'A hello-world Worker' }, rounds.hello, n),
  ]
}
