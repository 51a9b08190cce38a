import { alternate } from '../measure/alternate.ts'
import { type Drive, drive } from '../measure/drive.ts'
import { ofCalls, ofRounds } from '../measure/figure.ts'
import { flushMs } from '../measure/flush.ts'
import { HttpClient } from '../measure/http.ts'
import { WireStatement } from '../measure/wire.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { openEdge } from '../world/edge.ts'
import { startWorker } from '../world/worker.ts'

/** What nothing can be faster than on this machine, taken in the same run as everything else. */
export const limits: Scenario = {
  name: 'limits',
  title: 'The physical limits of this machine',
  async run(bench) {
    const flush = await flushMs()
    const figures: Figure[] = [
      {
        name: 'limits/flush',
        title: 'Making one page durable (fdatasync)',
        value: flush,
        unit: 'ms',
        spread: [flush, flush],
        n: 200,
        method: 'median of 200 writes of 8 KiB to the temporary folder, each made durable',
        asserted: 'every flush returned',
      },
    ]
    return [...figures, ...(await calls(bench)), ...(await signatures(bench))]
  },
}

async function calls(bench: Bench): Promise<Figure[]> {
  await using edge = await openEdge(bench, {
    population: { agents: 1, wallets: 1, providers: 1 },
  })
  await edge.sql.unsafe(`
    create function api.nothing() returns json language sql as 'select ''{}''::json';
    grant execute on function api.nothing() to x402_edge`)
  await edge.payos.postgrest.reload()
  await using hello = await startWorker(bench.bundles.hello)
  using http = new HttpClient()
  const statement = await WireStatement.open(edge.url('authenticator'), 'select api.nothing()', [
    'set role x402_edge',
  ])
  const { secrets, postgrest } = edge.payos
  const rpc = async () => {
    const { status } = await http.send(`${postgrest.url}/rest/v1/rpc/nothing`, {
      headers: { apikey: secrets.publishableKey, authorization: `Bearer ${secrets.edgeToken}` },
      body: '{}',
    })
    if (status !== 200) throw new Error(`the empty RPC answered ${status}`)
  }
  const greet = async () => {
    const { status } = await http.send(hello.url)
    if (status !== 200) throw new Error(`the hello Worker answered ${status}`)
  }
  const query = async () => {
    if ((await statement.run([])) !== '{}') throw new Error('the empty query answered otherwise')
  }

  const seconds = bench.pick(0.2, 1.5)
  const one = (run: () => Promise<void>) => () => drive({ clients: 1, seconds, run })
  const many = (run: () => Promise<void>) => () => drive({ clients: 32, seconds, run })
  const rounds = await alternate(
    { query: one(query), rpc: one(rpc), hello: one(greet), 'hello-32': many(greet) },
    { rounds: bench.pick(1, 4), onRound: bench.progress },
  )
  await statement.close()
  return callFigures(rounds)
}

type Rounds = Record<'query' | 'rpc' | 'hello' | 'hello-32', Drive[]>

function callFigures(rounds: Rounds): Figure[] {
  const asserted = 'every answer was the expected one'
  const single = (name: 'query' | 'rpc' | 'hello', title: string, method: string) =>
    ofCalls(
      { name: `limits/${name}`, title, unit: 'ms', method, asserted },
      rounds[name].flatMap((round) => round.latencies),
    )
  return [
    single(
      'query',
      'An empty function over the wire protocol',
      'one client, prepared statement, closed loop',
    ),
    single(
      'rpc',
      'An empty RPC through the local gateway',
      'one client, kept connection, closed loop',
    ),
    single('hello', 'A hello-world Worker', 'one client, kept connection, closed loop, no proxy'),
    ofRounds(
      {
        name: 'limits/hello-32',
        title: 'A hello-world Worker, 32 clients',
        unit: '/s',
        method: 'closed loop; the clients share the cores',
        asserted,
      },
      rounds['hello-32'].map(({ perSecond }) => perSecond),
    ),
  ]
}

async function signatures(bench: Bench): Promise<Figure[]> {
  await using worker = await startWorker(bench.bundles.signatures)
  using http = new HttpClient()
  const times = bench.pick(200, 2000)
  const run = (operation: string) => async () => {
    const started = performance.now()
    const { status } = await http.send(`${worker.url}/${operation}?times=${times}`)
    if (status !== 200) throw new Error(`${operation} answered ${status}`)
    return ((performance.now() - started) / times) * 1000
  }
  const rounds = await alternate(
    {
      sign: run('sign'),
      verify: run('verify'),
      jose: run('jose-verify'),
      hs256: run('hs256-verify'),
    },
    { rounds: bench.pick(2, 6) },
  )
  const titles = {
    sign: 'A raw Ed25519 signature in workerd',
    verify: 'A raw Ed25519 verification in workerd',
    jose: 'The same verification through jose, of a JWS',
    hs256: 'An HS256 verification through jose, of a JWS',
  }
  return (Object.keys(titles) as (keyof typeof titles)[]).map((name) =>
    ofRounds(
      {
        name: `limits/${name}`,
        title: titles[name],
        unit: 'µs',
        method: `${times} in a row in one request, by the clock outside`,
        asserted: 'every signature was right',
      },
      rounds[name],
      rounds[name].length * times,
    ),
  )
}
