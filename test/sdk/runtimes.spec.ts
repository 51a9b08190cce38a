import { execFile, spawn } from 'node:child_process'
import { cp, glob, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { installSdk } from '../../sdk/build.ts'
import { install, RUNTIMES } from '../support/install.ts'
import { openWorld, type World } from '../support/world.ts'
import { clientOptions, paywallOptions } from './support/market.ts'
import { whenListening } from './support/processes.ts'
import { freePort } from './support/serve.ts'

const run = promisify(execFile)

/** Where npm puts a runtime, whatever the platform, and how it is told to run a module. */
const runtimes = {
  deno: { binary: '@deno/*/deno{,.exe}', words: ['run', '--allow-all'] },
  bun: { binary: '@oven/*/bin/bun{,.exe}', words: ['run'] },
}
type Runtime = keyof typeof runtimes

let world: World
/** A project that has the package installed, outside this one. */
let project: string

beforeAll(async () => {
  await install(RUNTIMES)
  world = await openWorld()
  project = await mkdtemp(join(tmpdir(), 'payos-runtimes-'))
  await installSdk(project)
  for (const name of ['agent.js', 'provider.js']) {
    await cp(join(RUNTIMES, name), join(project, name))
  }
  const dependencies = { '@payos/x402': '*' }
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
}, 600_000)
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await world?.close()
  await rm(project, { recursive: true, force: true })
})

/** The command line that runs a module of the project with these orders. */
async function command(runtime: Runtime, name: string, orders: unknown) {
  const { binary, words } = runtimes[runtime]
  for await (const path of glob(binary, { cwd: join(RUNTIMES, 'node_modules') })) {
    const file = join(RUNTIMES, 'node_modules', path)
    return { file, words: [...words, join(project, name), JSON.stringify(orders)] }
  }
  throw new Error(`there is no ${runtime} for this platform`)
}

/** Starts a shop in a process of that runtime, which ends with what is returned. */
async function openShop(runtime: Runtime) {
  const port = await freePort()
  const endpoint = await world.endpoint({ url: `http://127.0.0.1:${port}/weather` })
  const { nowSeconds: _, ...options } = paywallOptions(world, endpoint)
  const { file, words } = await command(runtime, 'provider.js', { port, options })
  const child = spawn(file, words, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] })
  await whenListening(child)
  return { endpoint, [Symbol.dispose]: () => void child.kill() }
}

async function buy(runtime: Runtime, url: string, options: object) {
  const journal = join(project, `${runtime}.journal`)
  const { file, words } = await command(runtime, 'agent.js', { url, journal, options })
  const { stdout } = await run(file, words, { cwd: project })
  return JSON.parse(stdout)
}

describe.for(['deno', 'bun'] as const)('the package in %s', (runtime) => {
  it('pays and is paid, with signed requests and a journal in a file', async ({ expect }) => {
    using shop = await openShop(runtime)
    const agent = await world.agent({ signs: true })
    const { timing: _, ...options } = clientOptions(world, agent)

    const bought = await buy(runtime, shop.endpoint.url, options)

    const [payment] = await world.paymentsOf(agent)
    expect(bought).toEqual({ status: 200, text: 'sunny, for 1000', paymentId: payment?.id })
  })
})
