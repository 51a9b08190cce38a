import { verify as verifySignature } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { paidFetch } from '../../examples/agent/agent.ts'
import { alternate } from '../measure/alternate.ts'
import { ofCalls, ratioOf } from '../measure/figure.ts'
import { HttpClient } from '../measure/http.ts'
import { openReference, type ReferenceEdge } from '../reference/edge.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { assertBooks, type World } from '../world/databases.ts'
import { AGENT_PROVIDER_MS, type distances, latencyOf } from '../world/distances.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { openLeases } from '../world/leases.ts'
import { newOrder, type Settlement } from '../world/order.ts'
import { PRICE } from '../world/population.ts'
import { servePaywall } from '../world/provider.ts'

const population = { agents: 1, wallets: 1, providers: 1, signing: 2 }

/** A whole paid call: 402, payment, the request again, 200; ours beside the flow it replaces. */
export const call: Scenario = {
  name: 'call',
  title: 'A whole paid call: 402, pay, retry, verified, 200',
  async run(bench) {
    const staircase = await besideReference(bench)
    const others: Figure[] = []
    for (const distance of ['region', 'far'] as const) {
      bench.progress(0, 1, distance)
      others.push(await alone(bench, distance))
    }
    return [...staircase, ...others]
  },
}

const stages = {
  'stage-1': 'Replaced flow: eight queries, one after another',
  'stage-2': 'Its second stage: parallel queries, cached endpoints',
  'stage-3': 'Its third: settlement by message',
  'stage-4': 'Its fourth: Bloom filter, local proofs',
} as const
type Stage = keyof typeof stages

const ours = {
  payos: { title: 'PayOS', budget: { atMost: 175 } },
  'payos-async': { title: 'PayOS, async settlement', budget: { atMost: 45 } },
}

async function besideReference(bench: Bench): Promise<Figure[]> {
  const latency = latencyOf('replaced')
  await using edge = await openEdge(bench, { population, latency })
  await using served = await provider(edge, edge.payos.issuer)
  await using reference = await openReference(bench, edge, latency)
  using http = new HttpClient()
  const leases = await openLeases(edge, edge.parties.signing.slice(1))
  await leases.lend(100)
  const stage = (number: 1 | 2 | 3 | 4) => () =>
    timed(() => referenceCall({ reference, http, edge, number }))
  const samples = await alternate(
    {
      'stage-1': stage(1),
      'stage-2': stage(2),
      'stage-3': stage(3),
      'stage-4': stage(4),
      payos: () => timed(() => paidCall(edge, served.url)),
      'payos-async': () => timed(() => paidCall(edge, served.url, 'async')),
    },
    { rounds: bench.pick(2, 25), onRound: bench.progress },
  )
  const calls = samples.payos.length + 1
  await assertReference(edge, reference, 4 * calls)
  await leases.drained()
  const leased = await leases.assert(2 * calls)
  // A busy machine's Redis may be late, and a quick run is for outcomes, not for speed.
  if (leased < bench.pick(1, 0.9 * calls))
    throw new Error(`${leased} of ${calls} paid from a lease`)

  const about = (name: keyof typeof samples, title: string) => ({
    ...methods,
    name: `call/${name}`,
    title,
    ratio: { to: 'call/stage-1', value: ratioOf(samples[name], samples['stage-1']) },
  })
  const replaced = (Object.keys(stages) as Stage[]).map((name) =>
    ofCalls(about(name, stages[name]), samples[name]),
  )
  const payos = (['payos', 'payos-async'] as const).map((name) => {
    const { title, budget } = ours[name]
    return ofCalls({ ...about(name, title), budget }, samples[name])
  })
  return [...replaced, ...payos]
}

const methods = {
  unit: 'ms' as const,
  method:
    'database 140 ms, Redis 8 ms, QStash 30 ms, agent to provider 5 ms, there and back; in turn',
  asserted:
    'each call was answered 200 for a payment of the right amount, held before if async, settled in ' +
    'the end; books, leases and escrow balance',
}

/** PayOS alone, at another distance of its backends. */
async function alone(bench: Bench, distance: keyof typeof distances): Promise<Figure> {
  await using edge = await openEdge(bench, { population, latency: latencyOf(distance) })
  await using served = await provider(edge, edge.payos.issuer)
  const { payos } = await alternate(
    { payos: () => timed(() => paidCall(edge, served.url)) },
    { rounds: bench.pick(2, 30) },
  )
  await assertBooks(edge, payos.length + 1)
  const method = {
    region: 'database 5 ms, agent to provider 5 ms, there and back',
    far: 'database 250 ms, agent to provider 5 ms, there and back',
    replaced: methods.method,
  }[distance]
  const title = { region: 'PayOS, one region', far: 'PayOS, far database', replaced: 'PayOS' }
  return ofCalls(
    { ...methods, name: `call/payos-${distance}`, title: title[distance], method },
    payos,
  )
}

async function provider(world: World, issuer: string) {
  const [party] = world.parties.providers
  if (!party) throw new Error('nobody to pay')
  return servePaywall(world, party, { issuer, awayMs: AGENT_PROVIDER_MS })
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

/** As the example agent does it: the payment is signed, and the provider's paywall verifies. */
async function paidCall(edge: Edge, url: string, settlement: Settlement = 'sync') {
  const wallet = edge.parties.signing[settlement === 'sync' ? 0 : 1]
  if (!wallet) throw new Error('nobody pays')
  const { d = '', x = '' } = wallet.agent.signer.privateKey.export({ format: 'jwk' })
  const served = await paidFetch(url, {
    edge: edge.payos.issuer,
    apiKey: wallet.agent.apiKey,
    walletId: wallet.id,
    privateJwk: { d, x },
    most: BigInt(PRICE.units),
    settlement,
  })
  const report = (await served.json()) as { paymentId?: string }
  if (served.status !== 200 || !report.paymentId) throw new Error(`served ${served.status}`)
}

type ReferenceCall = {
  reference: ReferenceEdge
  http: HttpClient
  edge: World
  number: 1 | 2 | 3 | 4
}

/** The same call by the replaced system: its provider asks the edge, but in the last stage. */
async function referenceCall({ reference, http, edge, number }: ReferenceCall): Promise<void> {
  const [[wallet], [party]] = [edge.parties.wallets, edge.parties.providers]
  if (!wallet || !party) throw new Error('nobody there')
  const { endpointId, requestId } = newOrder(wallet, party)
  const order = { walletId: wallet.id, endpointId, requestId, amount: PRICE.units }
  await pause(AGENT_PROVIDER_MS)
  const paid = await post(http, `${reference.url}/pay/${number}`, order)
  await pause(AGENT_PROVIDER_MS)
  if (number === 4) return assertProof(paid['proof'], reference)
  const transferId = paid['transferId']
  const { valid } = await post(http, `${reference.url}/verify`, { transferId, endpointId })
  if (valid !== true) throw new Error('the reference flow does not know its own payment')
}

async function post(http: HttpClient, url: string, body: object): Promise<Record<string, unknown>> {
  const { status, text } = await http.send(url, { body: JSON.stringify(body) })
  if (status !== 200) throw new Error(`the reference flow answered ${status}: ${text}`)
  return JSON.parse(text)
}

function assertProof(proof: unknown, { publicKey }: ReferenceEdge): void {
  const [head, claims, signature] = String(proof).split('.')
  const bytes = Buffer.from(signature ?? '', 'base64url')
  if (!verifySignature(null, Buffer.from(`${head}.${claims}`), publicKey, bytes)) {
    throw new Error('the reference flow signed a wrong proof')
  }
}

/** Every payment of the reference flow settled, those left to messages too. */
async function assertReference(world: World, reference: ReferenceEdge, payments: number) {
  await reference.qstash.settle()
  const [row] = await world.sql`
    select count(*)::int as settled from reference.transfers where status = 'settled'`
  if (row?.['settled'] !== payments) {
    throw new Error(`the reference flow settled ${row?.['settled']} of ${payments}`)
  }
}
