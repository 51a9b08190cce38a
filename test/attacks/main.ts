import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { judgeInDomain, type Tally } from './corpora/domain.ts'
import { judgeAtTheEdge } from './corpora/edge.ts'
import { Bar } from './figures/bar.ts'
import { type Figure, putFigures } from './figures/table.ts'

const HELP = `npm run attack -- [options]

Sends generated requests to every route of an edge on this machine, and judges each answer.

  --long               100 000 requests instead of 5 000, and 200 stories of payments and faults;
                       writes the figures into docs/security.md
  --corpora DIRECTORY  judges published test vectors instead, and writes the figures too
  --flood              measures, on a quiet machine, what refusing 1 000 requests a second costs
  --help               prints this

The files of DIRECTORY are named in test/attacks/corpora/cases.ts.
Exit codes: 0 nothing found, 1 something found, 2 usage.`

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')

type Progress = {
  done: number
  all: number
  answers: [string, number][]
  failures: string[]
}

/** How far the spec says it is: its last line, once there is one. */
function progressIn(file: string): Progress | undefined {
  try {
    const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)
    return last ? JSON.parse(last) : undefined
  } catch {
    return undefined // Not written yet, or half a line.
  }
}

type Outcome = { failed: boolean; figures: Figure[] }

/** Runs one spec, which writes to a file what it finds; `look` is called with the file meanwhile. */
async function runSpec(
  spec: string,
  { name, env = {}, look }: { name: string; env?: Record<string, string>; look?: Look },
) {
  const directory = mkdtempSync(join(tmpdir(), 'payos-attack-'))
  const file = join(directory, 'found')
  const child = spawn(process.execPath, [VITEST, 'run', '--project', 'spec', spec], {
    cwd: ROOT,
    env: { ...process.env, ...env, [name]: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let told = ''
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString()
  })
  const looking = setInterval(() => look?.(file), 250)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(looking)
  const found = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
  rmSync(directory, { recursive: true })
  if (code !== 0) process.stdout.write(told)
  return { failed: code !== 0, found }
}

type Look = (file: string) => void

/** Sends so many generated requests, under a bar. */
async function attack(requests: number): Promise<Outcome> {
  const bar = new Bar('generated requests')
  const startedAt = performance.now()
  const { failed, found } = await runSpec('test/attacks/generated.spec.ts', {
    name: 'ATTACK_PROGRESS',
    env: { ATTACK_REQUESTS: `${requests}` },
    look: (file) => bar.show(progressIn(file)?.done ?? 0, requests),
  })
  bar.end()
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const last = found.at(-1)
  for (const line of last ? JSON.parse(last).failures : []) process.stdout.write(`${line}\n`)
  return { failed, figures: last ? figuresOf(JSON.parse(last), seconds) : [] }
}

/** Lives so many stories of payments and faults, under a bar. */
async function tellStories(stories: number): Promise<Outcome> {
  const bar = new Bar('stories')
  const { failed, found } = await runSpec('test/attacks/fault-stories.spec.ts', {
    name: 'ATTACK_TOLD',
    env: { ATTACK_STORIES: `${stories}` },
    look: (file) => bar.show(progressIn(file)?.done ?? 0, stories),
  })
  bar.end()
  const { done, commands, seen } = JSON.parse(found.at(-1) ?? '{"done":0,"commands":0,"seen":[]}')
  const figure = {
    what: 'stories of payments, captures, refunds and faults',
    cases: `${done}`,
    found:
      `${commands} commands, after each of which the ledger is what the reference model says and ` +
      `the books balance; ${seen.length} kinds of outcome`,
  }
  return { failed, figures: done > 0 ? [figure] : [] }
}

/** All that is recorded: requests of every kind, then stories. */
async function attackLong(): Promise<Outcome> {
  const [sent, lived] = [await attack(100_000), await tellStories(200)]
  return { failed: sent.failed || lived.failed, figures: [...sent.figures, ...lived.figures] }
}

/** Refuses 1 000 requests a second in every other window, and times another caller throughout. */
async function flood(): Promise<Outcome> {
  const { failed, found } = await runSpec('test/attacks/flood.spec.ts', { name: 'ATTACK_FLOOD' })
  const figures = found.map((line) => {
    const { what, refused, cpuMs, most, quiet, loud } = JSON.parse(line)
    const ratio = (loud / quiet).toFixed(1)
    return {
      what: `flood of ${what}, 1 000 a second`,
      cases: `${refused}`,
      found:
        `no trip; ${cpuMs.toFixed(2)} ms of processor time each, ${most.toFixed(0)} a second at ` +
        `most; p99 of another caller ${quiet.toFixed(1)} ms in quiet windows, ` +
        `${loud.toFixed(1)} ms in flooded ones, by turns: ${ratio} times`,
    }
  })
  return { failed, figures }
}

function figuresOf({ done, answers }: Progress, seconds: number): Figure[] {
  const count = (matches: (name: string) => boolean) =>
    answers.reduce((sum, [name, times]) => sum + (matches(name) ? times : 0), 0)
  const failures = answers.filter(([name]) => / 5\d\d /.test(name))
  const counted = failures.map(([name, times]) => `${times} × ${name}`).join(', ')
  const told = counted ? `${counted}, each explained by its repeat` : 'none'
  const paid = count((name) => name === 'pay 200')
  return [
    {
      what: 'generated requests, all routes',
      cases: done.toLocaleString('en').replaceAll(',', ' '),
      found:
        `${answers.length} kinds of answer, each documented; ${paid} payments answered 200, all ` +
        `in balanced books; 5xx: ${told}; no secret told; ${seconds} s`,
    },
  ]
}

const asFigure = ({ corpus, cases, wrongAccepts, wrongRefusals, leftOut }: Tally): Figure => ({
  what: corpus,
  cases: `${cases}`,
  found:
    `${wrongAccepts.length} wrong accepts` +
    `${wrongRefusals ? `, ${wrongRefusals.length} wrong refusals` : ''}; left out: ${leftOut}`,
})

const isWrong = ({ cases, wrongAccepts, wrongRefusals = [] }: Tally) =>
  cases === 0 || wrongAccepts.length + wrongRefusals.length > 0

async function judge(directory: string): Promise<Outcome> {
  const tallies = [...(await judgeInDomain(directory)), ...(await judgeAtTheEdge(directory))]
  for (const { wrongAccepts, wrongRefusals = [] } of tallies) {
    for (const line of [...wrongAccepts, ...wrongRefusals].slice(0, 10)) {
      process.stdout.write(`${line.slice(0, 200)}\n`)
    }
  }
  return { failed: tallies.some(isWrong), figures: tallies.map(asFigure) }
}

const { values } = parseArgs({
  options: {
    long: { type: 'boolean' },
    corpora: { type: 'string' },
    flood: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}

function chosen(): Promise<Outcome> {
  if (values.corpora) return judge(values.corpora)
  if (values.flood) return flood()
  return values.long ? attackLong() : attack(5_000)
}

const { failed, figures } = await chosen()
for (const { what, cases, found } of figures) process.stdout.write(`${what}: ${cases}; ${found}\n`)
const document = join(ROOT, 'docs/security.md')
if (!failed && (values.long || values.corpora || values.flood)) {
  writeFileSync(document, putFigures(readFileSync(document, 'utf8'), figures))
}
process.exitCode = failed ? 1 : 0
