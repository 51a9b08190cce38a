import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { describe, it, onTestFinished } from 'vitest'
import { alternate } from '../bench/measure/alternate.ts'
import { compare } from '../bench/report/compare.ts'
import { writePage } from '../bench/report/page.ts'
import { type Results, readResults } from '../bench/report/results.ts'
import { run } from '../bench/run.ts'
import type { Figure, Scenario } from '../bench/scenario.ts'
import { scenarios } from '../bench/scenarios.ts'
import { openEdge } from '../bench/world/edge.ts'
import { newOrder } from '../bench/world/order.ts'

const quietly = { size: 'quick' as const, out: new PassThrough() }
const population = { agents: 1, wallets: 1, providers: 1 }

/** Pays once and expects `outcome` of it. */
const payingOnce = (outcome: 'settled' | 'replayed'): Scenario => ({
  name: outcome,
  title: 'One payment',
  async run(bench) {
    await using edge = await openEdge(bench, { population })
    const [[wallet], [provider]] = [edge.parties.wallets, edge.parties.providers]
    if (!wallet || !provider) throw new Error('nobody there')
    await edge.pay(newOrder(wallet, provider), { expect: outcome })
    return [figure({ name: `${outcome}/one` })]
  },
})

const figure = (members: Partial<Figure>): Figure => ({
  name: 'it/is',
  title: 'A figure',
  value: 10,
  unit: 'ms',
  spread: [9, 11],
  n: 1,
  method: 'once',
  asserted: 'everything',
  ...members,
})

async function bench(...args: string[]): Promise<Results> {
  const command = ['bench/main.ts', '--quick', '--json', ...args]
  const { stdout } = await promisify(execFile)(process.execPath, command, { maxBuffer: 1e8 })
  return JSON.parse(stdout) as Results
}

describe('npm run bench', () => {
  it('measures each scenario, tells its figures in full, and finds no wrong outcome', {
    timeout: 600_000,
  }, async ({ expect }) => {
    const results = await bench()

    expect(results).toMatchObject({ version: 1, size: 'quick', failures: [] })
    expect(results.machine).toMatchObject({
      cores: expect.any(Number),
      node: process.versions.node,
    })
    const measured = new Set(results.figures.map(({ name }) => name.split('/')[0]))
    expect([...measured]).toEqual(scenarios.map(({ name }) => name))
    for (const told of results.figures) {
      expect(told).toMatchObject({
        title: expect.stringMatching(/\w/),
        value: expect.any(Number),
        unit: expect.stringMatching(/./),
        spread: [expect.any(Number), expect.any(Number)],
        n: expect.any(Number),
        method: expect.stringMatching(/\w/),
        asserted: expect.stringMatching(/\w/),
      })
    }
    expect(new Set(results.figures.map(({ name }) => name)).size).toBe(results.figures.length)
  })

  it('fails on a wrong outcome, and keeps no figure of it', async ({ expect }) => {
    const { failures, figures } = await run(
      [payingOnce('replayed'), payingOnce('settled')],
      quietly,
    )

    expect(failures).toEqual([
      { scenario: 'replayed', message: expect.stringContaining('expected replayed, came settled') },
    ])
    expect(figures.map(({ name }) => name)).toEqual(['settled/one'])
  })

  it('compares no quick run, whose times are noise', async ({ expect }) => {
    await expect(bench('--compare', 'baseline.json')).rejects.toThrow('compare a full run')
  })

  it('refuses a scenario it does not know, and names those it does', async ({ expect }) => {
    const refused = bench('--scenario', 'nothing')

    await expect(refused).rejects.toThrow(/no scenario "nothing"[\s\S]*Scenarios: limits, /)
  })
})

describe('contenders', () => {
  it('take turns, in an order that turns too, and their first round is forgotten', async ({
    expect,
  }) => {
    const order: string[] = []
    const contender = (name: string) => async () => order.push(name)

    const rounds = await alternate({ a: contender('a'), b: contender('b') }, { rounds: 2 })

    expect(order.join('')).toBe('abbaab')
    expect(rounds).toEqual({ a: [4, 5], b: [3, 6] })
  })
})

describe('a comparison of two runs', () => {
  const rate = { unit: '/s' as const, spread: [900, 1100] as [number, number] }

  it.for([
    { what: 'slower beyond noise', now: { value: 20, spread: [19, 21] }, worse: [true] },
    { what: 'faster beyond noise', now: { value: 5, spread: [4, 6] }, worse: [false] },
    { what: 'within 15 %', now: { value: 11, spread: [11, 11] }, worse: [] },
    { what: 'spreads that overlap', now: { value: 14, spread: [10, 18] }, worse: [] },
  ])('tells what is $what', ({ now, worse }, { expect }) => {
    const changes = compare([figure({})], [figure(now as Partial<Figure>)])

    expect(changes.map(({ isWorse }) => isWorse)).toEqual(worse)
  })

  it('takes ratios to the same contender rather than values of two machines', ({ expect }) => {
    const before = figure({ ...rate, value: 1000, ratio: { to: 'it/limit', value: 0.5 } })
    const slowMachine = { ...before, value: 100, spread: [90, 110] as [number, number] }

    expect(compare([before], [slowMachine])).toEqual([])
    expect(
      compare([before], [{ ...slowMachine, ratio: { to: 'it/limit', value: 0.3 } }]),
    ).toMatchObject([{ isWorse: true, text: '0.50 × → 0.30 × it/limit' }])
  })
})

describe('the page', () => {
  it('shows the run that is kept, and nothing else', async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), 'page-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'performance.md')
    await copyFile('docs/performance.md', path)

    await writePage(path, await readResults('bench/results/latest.json'), scenarios)

    const charts = (await readdir('docs/performance')).map((file) => `performance/${file}`)
    for (const file of ['performance.md', ...charts]) {
      expect(await readFile(join(folder, file), 'utf8')).toBe(
        await readFile(`docs/${file}`, 'utf8'),
      )
    }
  })

  it('gets charts and tables between its markers, and keeps what stands around', async ({
    expect,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), 'page-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'performance.md')
    const template = await readFile('docs/performance.md', 'utf8')
    const markers = template.slice(template.indexOf('<!-- bench: what'))
    await writeFile(path, `Before.\n\n${markers}After.\n`)
    const results: Results = {
      ...(await run([], quietly)),
      figures: [
        figure({ name: 'call/stage-1', value: 1400 }),
        figure({ name: 'call/payos', value: 160, budget: { atMost: 175 } }),
      ],
    }

    await writePage(path, results, scenarios)
    await writePage(path, results, scenarios)

    const page = await readFile(path, 'utf8')
    expect(page).toMatch(/^Before\.\n/)
    expect(page).toMatch(/After\.\n$/)
    expect(page).toContain('![How long a whole paid call takes](performance/staircase.svg)')
    expect(page.match(/≤ 175 ms: kept/g)).toHaveLength(1)
    expect(await readFile(join(folder, 'performance/staircase.svg'), 'utf8')).toMatch(
      /^<svg [\s\S]*PayOS[\s\S]*<\/svg>\n$/,
    )
  })
})
