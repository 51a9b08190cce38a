import { readFileSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Checkout, openCheckout, type Running } from './support/dev.ts'

const PROJECT = new URL('..', import.meta.url)
const readme = readFileSync(new URL('README.md', PROJECT), 'utf8')

/** Every fenced block, in order, and what its comments say it prints. */
const blocks = [...readme.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', text = '']) => ({
    language,
    text,
    title: text.split('\n')[0] ?? '',
    prints: [...text.matchAll(/^# → (.*)$/gm)].map(([, line = '']) => line),
  }),
)

const RUN = 'npm ci && npm run dev\n'
const TEST = 'npm ci && npm test\n'
const commands = blocks.filter(({ text }) => text !== RUN && text !== TEST)

let checkout: Checkout
let running: Running
let addresses: [string, string][]

beforeAll(async () => {
  checkout = await openCheckout()
  running = checkout.start('npm run dev')
  await running.printed('Ctrl-C stops it')
  const { dev } = await checkout.readDevFile()
  const own = await freePort()
  addresses = [
    ['127.0.0.1:8787', new URL(dev.edge).host],
    ['127.0.0.1:8402', new URL(dev.echo).host],
    ['127.0.0.1:8403', `127.0.0.1:${own}`],
    ['50000000-0000-4000-8000-000000000002', dev.provider.endpointIds['weather'] ?? ''],
  ]
})

afterAll(async () => {
  running.signal('SIGINT')
  await running.ended
  await checkout.close()
})

/** What a block says, for this stack: another may have the usual ports. */
const here = (text: string) =>
  addresses.reduce((line, [usual, actual]) => line.replaceAll(usual, actual), text)

describe('README.md', () => {
  it('is read in a few minutes, and every fenced block in it can be run', ({ expect }) => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(151)
    expect(blocks.length).toBeGreaterThan(5)
    expect(blocks.map(({ language }) => language)).toEqual(blocks.map(() => 'sh'))
  })

  it('begins with the command that started this stack', async ({ expect }) => {
    expect(blocks[0]?.text).toBe(RUN)
    expect(running.process.exitCode).toBeNull()
  })

  it('names the command that runs these tests', async ({ expect }) => {
    expect(blocks.map(({ text }) => text)).toContain(TEST)
    const line = 'NO_COLOR=1 npm test -- --project unit shared/domain/money.test.ts'
    const { exit, out } = await checkout.start(`cd ${fileURLToPath(PROJECT)} && ${line}`).ended
    expect(out).toMatch(/Tests +\d+ passed/)
    expect(exit).toBe(0)
  })

  it.for(commands)('keeps its word: $title', async ({ text, prints }, { expect }) => {
    const command = checkout.start(here(text))
    await command.exited
    command.signal('SIGTERM')
    const { exit, out, error } = await command.ended

    expect(error).not.toContain('rror:')
    for (const line of prints) expect(out).toContain(line)
    expect(exit).toBe(0)
  })

  it('leads to files that exist', async ({ expect }) => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path)
    expect(links.length).toBeGreaterThan(0)
    for (const link of links) await access(new URL(link, PROJECT))
  })
})

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((listening) => probe.listen(0, '127.0.0.1', listening))
  const address = probe.address()
  await new Promise((closed) => probe.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
