import { availableParallelism } from 'node:os'
import { type Arguments, type Options, parseArguments } from '../../tools/cli/arguments.ts'
import { dependency, usage } from '../../tools/cli/failure.ts'
import { print, runToEnd, table } from '../../tools/cli/output.ts'
import { liveMany, type Tally } from './fleet.ts'
import { type Replays, replayMany } from './referee.ts'
import { live } from './run.ts'
import { shrink, tellStory } from './shrink.ts'
import { SOMETIMES } from './sometimes.ts'
import { storyOf } from './story.ts'

const options: Options = {
  seeds: { value: 'COUNT', help: 'how many stories to live; default 1000' },
  workers: { value: 'COUNT', help: 'threads to live them on; default as many as there are' },
  from: { value: 'SEED', help: 'the first seed; default 1' },
  seed: { value: 'SEED', help: 'this seed alone, and its shortest story when it fails' },
  postgres: { help: 'ask Postgres too: every 50th story again, and each that broke' },
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

/** From so many seeds on a run has to come by everything. */
const ENOUGH = 1_000

/** Among so many stories one is told to Postgres. */
const REPLAYED = 50

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

type Asked = { from: bigint; seeds: number; threads: number; isReplayed: boolean; isJson: boolean }

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const given = parseArguments(words, options)
  if (given.flag('help')) return print({ text: HELP, data: {} }, false)
  const one = given.optional('seed')
  const isReplayed = given.flag('postgres')
  const isJson = given.flag('json')
  if (one !== undefined) return single(seedIn(given, 'seed'), { isReplayed, isJson })
  return many({
    ...{ from: seedIn(given, 'from'), seeds: given.whole('seeds', 1_000) },
    ...{ threads: given.whole('workers', availableParallelism()), isReplayed, isJson },
  })
})

/** A seed, which may be more than a number can hold. */
function seedIn(given: Arguments, name: string): bigint {
  const text = given.optional(name) ?? '1'
  if (/^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text)
  throw usage(`--${name} is a whole number below 2^64`)
}

async function single(
  seed: bigint,
  { isReplayed, isJson }: Pick<Asked, 'isReplayed' | 'isJson'>,
): Promise<void> {
  const { violations } = await live(storyOf(seed))
  const [first] = violations
  const replays = isReplayed ? await replayMany([seed]) : undefined
  const told = first ? await explain(seed) : `Seed ${seed}: everything held.`
  const data = { seed: String(seed), ...(first && { violations }), ...dataOf(replays) }
  print({ text: [told, ...tellReplays(replays)].join('\n\n'), data }, isJson)
  if (first) throw dependency(`seed ${seed}: ${first}`)
  mustAgree(replays)
}

async function explain(seed: bigint): Promise<string> {
  const { story, outcome } = await shrink(storyOf(seed))
  return `Seed ${seed}, shortest story found:\n${tellStory(story)}\n${outcome.violations[0]}`
}

async function many(asked: Asked): Promise<void> {
  const { from, seeds, isReplayed, isJson } = asked
  const started = performance.now()
  const tally = await liveMany({ ...asked, progress: (it) => showProgress(it, seeds) })
  const seconds = (performance.now() - started) / 1000
  if (process.stderr.isTTY) process.stderr.write('\n')
  const missed = seeds >= ENOUGH ? SOMETIMES.filter((what) => !tally.reached.has(what)) : []
  const replays = isReplayed ? await replayMany(replayedOf(asked, tally)) : undefined
  const data = {
    ...{ from: String(from), seeds, seconds, failed: tally.failed, missed, ...dataOf(replays) },
    ...{ reached: Object.fromEntries(tally.reached), injected: Object.fromEntries(tally.injected) },
  }
  print({ text: summary(tally, { seconds, missed, replays }), data }, isJson)
  const [first] = tally.failed
  if (first && !isJson) process.stdout.write(`${await explain(BigInt(first.seed))}\n`)
  if (first) throw dependency(`${tally.failed.length} of ${seeds} seeds broke, seed ${first.seed}`)
  mustAgree(replays)
  if (missed.length > 0) throw dependency(`never reached: ${missed.join(', ')}`)
}

/** Which stories Postgres is told: every so many, and whatever broke. */
function replayedOf({ from, seeds }: Asked, { failed }: Tally): bigint[] {
  const some = Array.from({ length: Math.ceil(seeds / REPLAYED) }, (_, at) => at * REPLAYED)
  const all = [...some.map((at) => from + BigInt(at)), ...failed.map(({ seed }) => BigInt(seed))]
  return [...new Set(all)]
}

function dataOf(replays: Replays | undefined) {
  return replays ? { postgres: replays } : {}
}

function tellReplays(replays: Replays | undefined): string[] {
  if (!replays) return []
  const { replayed, seconds, differed } = replays
  const each = (seconds / replayed).toFixed(1)
  const told = `Postgres: ${replayed} replayed in ${seconds.toFixed(0)} s (${each} s each)`
  return [
    `${told}, ${differed.length} answered otherwise.`,
    ...differed.map(({ seed, what }) => `Seed ${seed} on Postgres: ${what}`),
  ]
}

function mustAgree(replays: Replays | undefined): void {
  const [first] = replays?.differed ?? []
  if (first) throw dependency(`Postgres answers otherwise: seed ${first.seed}`)
}

function showProgress({ seeds, failed }: Tally, of: number): void {
  if (!process.stderr.isTTY) return
  const done = Math.round((seeds / of) * 40)
  const bar = '█'.repeat(done) + '░'.repeat(40 - done)
  process.stderr.write(`\r${bar} ${seeds}/${of} seeds, ${failed.length} broke`)
}

type Summed = { seconds: number; missed: string[]; replays: Replays | undefined }

function summary(tally: Tally, { seconds, missed, replays }: Summed): string {
  const rows = (counts: Map<string, number>) =>
    table(
      [...counts]
        // What each fault struck is for programs.
        .filter(([what]) => !what.includes(', '))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([what, count]) => [`  ${what}`, String(count)]),
    )
  const rate = (tally.seeds / seconds).toFixed(2)
  return [
    `Faults injected:\n${rows(tally.injected)}`,
    `Reached:\n${rows(tally.reached)}`,
    ...tally.failed.slice(0, 10).map(({ seed, violation }) => `Seed ${seed}: ${violation}`),
    ...(missed.length > 0 ? [`Never reached: ${missed.join(', ')}`] : []),
    ...tellReplays(replays),
    `${tally.seeds} seeds in ${seconds.toFixed(0)} s (${rate} seeds/s), ${tally.failed.length} broke.`,
  ].join('\n\n')
}
