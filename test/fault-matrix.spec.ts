import { readFile } from 'node:fs/promises'
import { beforeAll, describe, it } from 'vitest'
import { INSTALL } from '../shared/adapters/lua/install.ts'
import { READ } from '../shared/adapters/lua/read.ts'
import { RESERVE } from '../shared/adapters/lua/reserve.ts'
import { SURVEY } from '../shared/adapters/lua/survey.ts'
import { liveMany, type Tally } from './simulation/fleet.ts'

const SEEDS = 80

/** How a row is shown: in the simulation, or by a named test. */
type Shown = { injected?: string[]; reached?: string[] } | { file: string; title: string }

const lived = (...injected: string[]): Shown => ({ injected })
const met = (...reached: string[]): Shown => ({ reached })
const pinned = (file: string, title: string): Shown => ({ file, title })
const installing = (title: string) => pinned('test/contracts/leases/installing.ts', title)
const ledgerFaults = (title: string) => pinned('test/ledger-faults.spec.ts', title)
const traffic = (title: string) => pinned('test/traffic-faults.spec.ts', title)
const races = (title: string) => pinned('test/lease-concurrency.spec.ts', title)

/** Every fault there is to fear, by its number in docs/settlement.md. */
const ROWS: [number, string, Shown][] = [
  [1, 'Redis loses all data', lived('world: reset')],
  [
    2,
    'Redis falls back to a stale replica',
    { injected: ['world: roll back'], reached: ['a fork, by a roll back'] },
  ],
  [3, 'Redis splits in two', { injected: ['world: split'], reached: ['a fork, by a split'] }],
  [4, 'a Redis call is applied and its answer lost', lived('redis: answer lost, reserve')],
  [
    5,
    'a command or request is sent again',
    lived('redis: command doubled, reserve', 'agent: request doubled'),
  ],
  [
    6,
    'a lagging replica answers reads',
    pinned(
      'test/fault-matrix.spec.ts',
      'has no script decide from a replica: none says that it only reads',
    ),
  ],
  [7, 'Redis is down', lived('world: outage of redis')],
  [8, 'an idempotency record is evicted', lived('world: evict')],
  [9, 'QStash duplicates', lived('qstash: message doubled')],
  [10, 'QStash reorders', lived('qstash: message overtaken')],
  [11, 'QStash delays', lived('qstash: message delayed')],
  [12, 'QStash drops', lived('qstash: message dropped', 'world: outage of qstash')],
  [
    13,
    'a callback is forged',
    pinned('test/callbacks.spec.ts', 'with %s is refused before any work'),
  ],
  [14, 'a drain is applied and its answer lost', lived('database: answer lost, settle_x402_batch')],
  [
    15,
    'a drain dies before it acknowledges',
    lived(
      'isolate: dies before it hears, settle_x402_batch',
      'isolate: dies before it sends, xdel',
    ),
  ],
  [16, 'two drains meet in one shard', met('two drains in one shard at once')],
  [
    17,
    'a direct payment is applied and its answer lost',
    lived('database: answer lost, settle_x402_payment'),
  ],
  [18, 'an isolate dies after it reserved', lived('isolate: dies before it hears, reserve')],
  [19, 'an isolate dies before it wakes the drain', lived('isolate: dies before it sends, wake')],
  [20, 'a grant is applied and its answer lost', lived('database: answer lost, grant_x402_lease')],
  [
    21,
    'a grant is installed twice or late',
    { injected: ['redis: install doubled, install'], reached: ['install refused: no_right'] },
  ],
  [22, 'a lease follows another', installing('replaces the one before, with a count of its own')],
  [
    23,
    'a lease ends while it is reserved from',
    installing('is installed with its right, and lives no longer than that'),
  ],
  [
    24,
    'settle and reclaim race',
    races('and a settlement are one after the other when the %s is first'),
  ],
  [25, 'clocks of edges differ', lived('world: clocks far apart')],
  [
    26,
    "the ledger's clock jumps",
    ledgerFaults(
      'and a promise that waits is paid: escrow waits for its shard, whatever the clock says',
    ),
  ],
  [
    27,
    'the ledger loses what it committed',
    ledgerFaults('and what was promised from a lease it knows is paid again, once'),
  ],
  [
    28,
    'transactions conflict',
    lived(
      'database: conflict of transactions, settle_x402_batch',
      'database: conflict of transactions, grant_x402_lease',
    ),
  ],
  [
    29,
    'a record is poison',
    { injected: ['world: poison'], reached: ['a bisect', 'a record set aside'] },
  ],
  [
    30,
    'proof keys rotate',
    pinned(
      'shared/domain/proof-key-rotation.test.ts',
      'loses no proof when it is put in place %i s late',
    ),
  ],
  [31, 'a proof key is stolen', races('of one lease never settle more than it holds')],
  [32, 'a price changes', lived('world: reprice')],
  [33, 'a policy tightens or a wallet freezes', lived('world: allow', 'world: freeze')],
  [34, 'a provider is closed', lived('world: close')],
  [35, 'the day rolls over', installing('ends with the policy day')],
  [
    36,
    'a withdrawal meets open leases',
    ledgerFaults(
      'is only what the lease left there: payments, holds and other leases find no more',
    ),
  ],
  [
    37,
    'a proof is presented twice or to the wrong party',
    met(
      'a proof of a promised payment: good',
      'a proof of a promised payment: proof_wrong_audience',
      'batch: replayed',
    ),
  ],
  [38, 'a proof is presented too late', met('a proof of a promised payment: proof_expired')],
  [39, 'a request id has other content', met('a conflict in Redis', 'batch: honoured')],
  [40, 'an agent abandons its proof', met('a promise was paid whose proof nobody showed')],
  [
    41,
    'load spikes on one wallet',
    traffic('is answered from its lease, and settled in a few calls of the ledger'),
  ],
  [42, 'the roll-up stops', lived('world: outage of edge cron')],
  [
    43,
    'code changes under traffic',
    traffic('of code and of a function loses no payment and makes none twice'),
  ],
]

/** The titles of a file's tests, as they are written. */
const titlesIn = (text: string): string[] =>
  [...text.matchAll(/(?:\bit\(|\)\()\s*(['"`])(.+?)\1\s*,/g)].map(([, , title]) => title ?? '')

let tally: Tally
let docs: string

beforeAll(async () => {
  tally = await liveMany({ from: 1n, seeds: SEEDS })
  docs = await readFile('docs/settlement.md', 'utf8')
}, 1_200_000)

describe(`the fault matrix, over ${SEEDS} worlds`, () => {
  it('has all 43 rows, each in the docs', ({ expect }) => {
    expect(ROWS.map(([number]) => number)).toEqual(Array.from({ length: 43 }, (_, at) => at + 1))
    for (const [number, fault] of ROWS) expect(docs).toContain(`| ${number} | ${fault} |`)
  })

  it('has every invariant hold in them', ({ expect }) => {
    expect(tally.failed).toEqual([])
  })

  it.for(ROWS)('%i: %s', async ([, , shown], { expect }) => {
    if ('file' in shown) {
      expect(titlesIn(await readFile(shown.file, 'utf8'))).toContain(shown.title)
    } else {
      const { injected = [], reached = [] } = shown
      expect(injected.filter((what) => !tally.injected.has(what))).toEqual([])
      expect(reached.filter((what) => !tally.reached.has(what))).toEqual([])
    }
  })

  it('has no script decide from a replica: none says that it only reads', ({ expect }) => {
    for (const script of [INSTALL, READ, RESERVE, SURVEY]) expect(script).not.toContain('no-writes')
  })
})
