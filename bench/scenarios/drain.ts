import { setTimeout as pause } from 'node:timers/promises'
import { drainShard } from '../../functions/drain.ts'
import type { EndpointId, PaymentId, RequestId, WalletId } from '../../shared/domain/ids.ts'
import type { Reservation } from '../../shared/domain/lease.ts'
import { SHARDS } from '../../shared/domain/lease.ts'
import { Amount } from '../../shared/domain/money.ts'
import type { Order as Asked } from '../../shared/domain/payment.ts'
import { alternate } from '../measure/alternate.ts'
import { drive } from '../measure/drive.ts'
import { ofRounds } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { openEdge } from '../world/edge.ts'
import { type Leases, openLeases, untimed } from '../world/leases.ts'
import { type Order, settleValues } from '../world/order.ts'
import { orders } from '../world/payers.ts'
import { PRICE } from '../world/population.ts'

/** As many as a drain settles in one call. */
const BATCH = 200
/** The payers of one shard: each 64th wallet. */
const PAYERS = 10
const SHARD = 7
const TRIES_MAX = 20

/** How fast what was promised is settled, by the drain's own code and through the gateway. */
export const drain: Scenario = {
  name: 'drain',
  title: 'Draining what was promised, one shard at a time',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 16, wallets: PAYERS * SHARDS, providers: 1 },
    })
    const wallets = edge.parties.wallets.filter((_, index) => index % SHARDS === SHARD)
    const leases = await openLeases(edge, wallets)
    const next = orders({ ...edge.parties, wallets })
    const count = BATCH * bench.pick(1, 10)
    let made = 0
    /** Payments a second of what settles them, once `count` of them are promised. */
    const rate = (prepare: () => Promise<() => Promise<number>>) => async () => {
      await promise(leases, next, count)
      made += count
      const settle = await prepare()
      const started = performance.now()
      const settled = await settle()
      const seconds = (performance.now() - started) / 1000
      if (settled !== count) throw new Error(`${settled} of ${count} settled`)
      return count / seconds
    }
    const rounds = await alternate(
      {
        calls: rate(async () => {
          const batches = await taken(leases)
          return () => settleAll(leases, batches)
        }),
        whole: rate(async () => async () => {
          return (await drainShard({ ...leases, leases: leases.store }, SHARD)).settled
        }),
      },
      { rounds: bench.pick(1, 5), onRound: bench.progress },
    )
    await leases.assert(made)

    const about = {
      unit: '/s' as const,
      method:
        `${count} promises a round, ${BATCH} a call, one call after another, from Node by the ` +
        "drain's adapters; client, gateway and Redis share a core",
      asserted: 'every promise settled; the ledger has exactly that many; books and escrow balance',
    }
    return [
      ofRounds(
        {
          ...about,
          name: 'drain/calls',
          title: `The ledger's part: settle_x402_batch of ${BATCH} through the gateway`,
          budget: { atLeast: 10_000 },
        },
        rounds.calls,
      ),
      ofRounds(
        { ...about, name: 'drain/whole', title: 'All of it: read, settle, acknowledge' },
        rounds.whole,
      ),
    ]
  },
}

/** Reserves payments as an edge does, with a new lease for each payer. */
async function promise(leases: Leases, next: () => Order, count: number): Promise<void> {
  await leases.lend(count)
  await drive({ clients: 4, count, run: () => reserve(leases, askOf(next())) })
}

/** Repeats what was not answered in time: the same request is the same promise. */
async function reserve({ store }: Leases, asked: Asked): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const { kind } = await store.reserve(asked, now(), untimed)
    if (kind === 'reserved' || kind === 'repeated') return
    await pause(500)
  }
  throw new Error('Redis made no promise')
}

const now = (): number => Math.floor(Date.now() / 1000)

/** An order as the edge has read it. */
function askOf(order: Order): Asked {
  const [keyId = '', keyHash = '', id = ''] = settleValues(order)
  return {
    id: id as PaymentId,
    content: {
      walletId: order.wallet.id as WalletId,
      requestId: order.requestId as RequestId,
      endpointId: order.endpointId as EndpointId,
      amount: Amount.decode(PRICE.units.toString()),
      currency: PRICE.currency,
      method: 'GET',
      resource: '',
      capture: 'automatic',
    },
    href: undefined,
    settlement: 'async',
    caller: { keyId, keyHash, thumbprint: undefined },
  }
}

/** Takes all records out of the stream. */
async function taken({ store }: Leases): Promise<Reservation[][]> {
  const batches: Reservation[][] = []
  for (;;) {
    const { records } = await store.read(SHARD, BATCH)
    if (records.length === 0) return batches
    batches.push(records.flatMap(({ reservation }) => reservation ?? []))
    await store.acknowledge(
      SHARD,
      records.map(({ entry }) => entry),
    )
  }
}

async function settleAll({ escrow }: Leases, batches: readonly Reservation[][]): Promise<number> {
  let settled = 0
  for (const batch of batches) {
    const { outcomes } = await escrow.settle(batch)
    settled += outcomes.filter(({ outcome }) => outcome === 'settled').length
  }
  return settled
}
