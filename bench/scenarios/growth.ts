import { alternate } from '../measure/alternate.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { assertConserved, countPayments, type World } from '../world/databases.ts'
import { openKept } from '../world/kept.ts'
import { orders, SqlPayers } from '../world/payers.ts'
import { storePayments } from '../world/stored.ts'

const CLIENTS = 16
const population = (bench: Bench) => ({
  agents: 16,
  wallets: bench.pick(500, 10_000),
  providers: 1,
})

/** Whether payments get slower as payments pile up: an empty ledger beside full ones. */
export const growth: Scenario = {
  name: 'growth',
  title: 'The ledger with many payments stored',
  async run(bench) {
    if (bench.size === 'large') return large(bench)
    const stored = bench.pick(2000, 200_000)
    await using empty = await bench.databases.open(population(bench))
    await using full = await bench.databases.open(population(bench))
    await storePayments(full, stored, bench.progress)
    return await compare(
      bench,
      new Map([
        [0, empty],
        [stored, full],
      ]),
    )
  },
}

/** A million and ten million, in a data set that is made once and kept. */
async function large(bench: Bench): Promise<Figure[]> {
  await using kept = await openKept(bench, population(bench), [0, 1_000_000, 10_000_000])
  return await compare(bench, kept.worlds)
}

async function compare(bench: Bench, worlds: Map<number, World>): Promise<Figure[]> {
  const before = new Map<number, number>()
  const payers = new Map<number, SqlPayers>()
  const load = { clients: CLIENTS, seconds: bench.pick(0.3, 4) }
  const contenders: Record<string, () => Promise<number>> = {}
  for (const [stored, world] of worlds) {
    before.set(stored, await countPayments(world))
    const open = await SqlPayers.open(world, CLIENTS)
    payers.set(stored, open)
    const next = orders(world.parties)
    contenders[stored] = async () => (await open.drive(load, next)).perSecond
  }
  const rounds = await alternate(contenders, {
    rounds: bench.pick(1, 5),
    onRound: bench.progress,
  })
  for (const [stored, world] of worlds) {
    await assertConserved(world)
    const made = payers.get(stored)?.made ?? 0
    const added = (await countPayments(world)) - (before.get(stored) ?? 0)
    if (made !== added) throw new Error(`${made} payments answered, ${added} in the ledger`)
    await payers.get(stored)?.[Symbol.asyncDispose]()
  }
  return [...worlds.keys()].flatMap((stored) => figuresOf(rounds, stored))
}

function figuresOf(rounds: Record<string, number[]>, stored: number): Figure[] {
  const [mine, empty] = [rounds[stored] ?? [], rounds[0] ?? []]
  const about = {
    method: `${CLIENTS} clients over the wire protocol, commits durable, the ledgers in turn`,
    asserted: 'every payment settled; money is conserved',
  }
  const named = stored.toLocaleString('en')
  const rate = ofRounds(
    {
      ...about,
      name: `growth/stored-${stored}`,
      title: `${named} payments stored`,
      unit: '/s',
      ratio: { to: 'growth/stored-0', value: ratioOf(mine, empty) },
    },
    mine,
  )
  if (stored === 0) return [rate]
  const shares = mine.map((value, round) => (100 * value) / (empty[round] ?? Number.NaN))
  return [
    rate,
    ofRounds(
      {
        ...about,
        name: `growth/share-${stored}`,
        title: `${named} stored, share of the empty rate`,
        unit: '%',
        budget: { atLeast: 80 },
      },
      shares,
    ),
  ]
}
