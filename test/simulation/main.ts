import { availableParallelism } from 'node:os'
import { type Options, parseArguments } from '../../tools/cli/arguments.ts'
import { dependency } from '../../tools/cli/failure.ts'
import { print, runToEnd, table } from '../../tools/cli/output.ts'
import { liveMany, type Many, type Tally } from './fleet.ts'
import { live } from './run.ts'
import { shrink, tellStory } from './shrink.ts'
import { SOMETIMES } from './sometimes.ts'
import { storyOf } from './story.ts'

const options: Options = {
  seeds: { value: 'COUNT', help: 'how many stories to live; default 1000' },
  workers: { value: 'COUNT', help: 'threads to live them on; default as many as there are' },
  from: { value: 'SEED', help: 'the first seed; default 1' },
  seed: { value: 'SEED', help: 'this seed alone, and its shortest story when it fails' },
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

/** From so many seeds on a run has to come by everything. */
const ENOUGH = 1_000

const HELP = `npm run simulate -- [options]

Lives stories of payments, faults and repairs in a world of its own: the real modules and scripts, in
one process and virtual time, everything else fixed by one 64-bit seed. After each step, and at rest,
the invariants of docs/settlement.md must hold; a run of 1000 seeds or more must have come by
every situation it is there for.

Example:
  npm run simulate -- --seeds 1000
  npm run simulate -- --seed 4711

Exit codes: 0 all held, 2 usage, 5 something broke or was never reached.

${table(
  Object.entries(options).map(([name, { value, help }]) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    help,
  ]),
)}`

type Asked = Pick<Many, 'from' | 'seeds' | 'threads'>

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const given = parseArguments(words, options)
  if (given.flag('help')) return print({ text: HELP, data: {} }, false)
  const one = given.optional('seed')
  const isJson = given.flag('json')
  return one === undefined
    ? many(
        {
          from: BigInt(given.optional('from') ?? 1),
          seeds: Number(given.optional('seeds') ?? 1_000),
          threads: Number(given.optional('workers') ?? availableParallelism()),
        },
        isJson,
      )
    : single(BigInt(one), isJson)
})

async function single(seed: bigint, isJson: boolean): Promise<void> {
  const outcome = await live(storyOf(seed))
  if (outcome.violations.length === 0) {
    return print({ text: `Seed ${seed}: everything held.`, data: { seed: String(seed) } }, isJson)
  }
  const text = await explain(seed)
  print({ text, data: { seed: String(seed), violations: outcome.violations } }, isJson)
  throw dependency(`seed ${seed}: ${outcome.violations[0]}`)
}

async function explain(seed: bigint): Promise<string> {
  const { story, outcome } = await shrink(storyOf(seed))
  return `Seed ${seed}, shortest story found:\n${tellStory(story)}\n${outcome.violations[0]}`
}

async function many(asked: Required<Asked>, isJson: boolean): Promise<void> {
  const { from, seeds } = asked
  const started = performance.now()
  const tally = await liveMany({ ...asked, progress: (it) => showProgress(it, seeds) })
  const seconds = (performance.now() - started) / 1000
  if (process.stderr.isTTY) process.stderr.write('\n')
  const missed = seeds >= ENOUGH ? SOMETIMES.filter((what) => !tally.reached.has(what)) : []
  const data = {
    ...{ from: String(from), seeds, seconds, failed: tally.failed, missed },
    ...{ reached: Object.fromEntries(tally.reached), injected: Object.fromEntries(tally.injected) },
  }
  print({ text: summary(tally, { seconds, missed }), data }, isJson)
  const [first] = tally.failed
  if (first && !isJson) process.stdout.write(`${await explain(BigInt(first.seed))}\n`)
  if (first) throw dependency(`${tally.failed.length} of ${seeds} seeds broke, seed ${first.seed}`)
  if (missed.length > 0) throw dependency(`never reached: ${missed.join(', ')}`)
}

function showProgress({ seeds, failed }: Tally, of: number): void {
  if (!process.stderr.isTTY) return
  const done = Math.round((seeds / of) * 40)
  const bar = '█'.repeat(done) + '░'.repeat(40 - done)
  process.stderr.write(`\r${bar} ${seeds}/${of} seeds, ${failed.length} broke`)
}

function summary(tally: Tally, { seconds, missed }: { seconds: number; missed: string[] }): string {
  const rows = (counts: Map<string, number>) =>
    table(
      [...counts]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([what, count]) => [`  ${what}`, String(count)]),
    )
  const rate = (tally.seeds / seconds).toFixed(2)
  return [
    `Faults injected:\n${rows(tally.injected)}`,
    `Reached:\n${rows(tally.reached)}`,
    ...tally.failed.slice(0, 10).map(({ seed, violation }) => `Seed ${seed}: ${violation}`),
    ...(missed.length > 0 ? [`Never reached: ${missed.join(', ')}`] : []),
    `${tally.seeds} seeds in ${seconds.toFixed(0)} s (${rate} seeds/s), ${tally.failed.length} broke.`,
  ].join('\n\n')
}
