import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

  --long               100 000 requests instead of 5 000; writes the figures into docs/security.md
  --corpora DIRECTORY  judges published test vectors instead, and writes the figures too
  --help               prints this

The files of DIRECTORY are named in test/attacks/corpora/cases.ts.
Exit codes: 0 nothing found, 1 something found, 2 usage.`

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
const SPEC = 'test/attacks/generated.spec.ts'

type Progress = { done: number; all: number; answers: [string, number][] }

/** How far the spec says it is: its last line, once there is one. */
function progressIn(file: string): Progress | undefined {
  try {
    const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)
    return last ? JSON.parse(last) : undefined
  } catch {
    return undefined // Not written yet, or half a line.
  }
}

/** Runs the spec of generated requests at a size, under a bar. */
async function attack(requests: number): Promise<{ failed: boolean; figures: Figure[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'payos-attack-'))
  const file = join(directory, 'progress')
  const startedAt = performance.now()
  const child = spawn(process.execPath, [VITEST, 'run', '--project', 'spec', SPEC], {
    cwd: ROOT,
    env: { ...process.env, ATTACK_REQUESTS: `${requests}`, ATTACK_PROGRESS: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let told = ''
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString()
  })
  const bar = new Bar('generated requests')
  const looking = setInterval(() => bar.show(progressIn(file)?.done ?? 0, requests), 250)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(looking)
  bar.end()
  const last = progressIn(file)
  rmSync(directory, { recursive: true })
  if (code !== 0) process.stdout.write(told)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  return { failed: code !== 0 || !last, figures: last ? figuresOf(last, seconds) : [] }
}

function figuresOf({ done, answers }: Progress, seconds: number): Figure[] {
  const count = (matches: (name: string) => boolean) =>
    answers.reduce((sum, [name, times]) => sum + (matches(name) ? times : 0), 0)
  const failures = answers.filter(([name]) => / 5\d\d /.test(name))
  const told = failures.map(([name, times]) => `${times} × ${name}`).join(', ') || 'none'
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
    `${wrongAccepts.length} wrong accepts, ${wrongRefusals.length} wrong refusals; ` +
    `left out: ${leftOut}`,
})

const isWrong = ({ cases, wrongAccepts, wrongRefusals }: Tally) =>
  cases === 0 || wrongAccepts.length + wrongRefusals.length > 0

async function judge(directory: string): Promise<{ failed: boolean; figures: Figure[] }> {
  const tallies = [...(await judgeInDomain(directory)), ...(await judgeAtTheEdge(directory))]
  for (const { wrongAccepts, wrongRefusals } of tallies) {
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
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}

const run = values.corpora ? judge(values.corpora) : attack(values.long ? 100_000 : 5_000)
const { failed, figures } = await run
for (const { what, cases, found } of figures) process.stdout.write(`${what}: ${cases}; ${found}\n`)
const document = join(ROOT, 'docs/security.md')
if (!failed && (values.long || values.corpora)) {
  writeFileSync(document, putFigures(readFileSync(document, 'utf8'), figures))
}
process.exitCode = failed ? 1 : 0
