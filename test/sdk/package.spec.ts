import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { startPayos } from '../../local/payos.ts'
import { installSdk } from '../../sdk/build.ts'
import { openDatabase } from '../support/postgres.ts'
import { World } from '../support/world.ts'
import { openShop } from './support/market.ts'
import { freePort } from './support/serve.ts'

const ROOT = dirname(dirname(import.meta.dirname))
const run = promisify(execFile)

/** A project that has the package installed, outside this one. */
let project: string
const dist = (name: string) => join(project, 'node_modules/@payos/x402/dist', name)

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'payos-sdk-'))
  await installSdk(project)
})
afterAll(() => rm(project, { recursive: true, force: true }))

describe('the package', () => {
  it.for([
    ['client', 8 * 1024, ['node:*']],
    ['provider', 12 * 1024, []],
    ['x402', 20 * 1024, ['node:*']],
  ] as const)('keeps %s within its budget', async ([part, budget, external], { expect }) => {
    const built = await build({
      entryPoints: [dist(`${part}.js`)],
      external: [...external],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
    })

    expect(gzipSync(built.outputFiles[0]?.contents ?? '', { level: 9 }).length).toBeLessThan(budget)
  })

  it.for([
    ['client', ['PaymentError', 'fileJournal', 'memoryJournal', 'paymentOf', 'withPayments']],
    [
      'provider',
      [
        'ClaimsObject',
        'EdgeUnavailable',
        'WebhookError',
        'durableObjectClaims',
        'edgeClaims',
        'memoryClaims',
        'payosKeys',
        'paywall',
        'redisClaims',
        'verifyProof',
        'webhookReader',
      ],
    ],
    ['x402', ['PaymentError', 'payosClient', 'payosProvider']],
    [
      'testing',
      [
        'facilitatorModes',
        'hostileFacilitator',
        'hostileModes',
        'hostileProvider',
        'makeProofKey',
        'paymentRequired',
        'signProof',
        'testPayos',
      ],
    ],
  ] as const)('exports from %s these names and no others', async ([part, names], { expect }) => {
    expect(Object.keys(await import(dist(`${part}.js`))).sort()).toEqual(names)
  })

  it('depends on no package, nor do its types', async ({ expect }) => {
    const files = (await readdir(dist(''), { recursive: true })).filter((it) => /\.[jt]s$/.test(it))
    const texts = await Promise.all(files.map((file) => readFile(dist(file), 'utf8')))
    const names = texts.flatMap((text) =>
      [...text.matchAll(/(?:from |import\()\s*["']([^."'][^"']*)["']/g)].map(([, name]) => name),
    )

    expect(new Set(names)).toEqual(new Set(['node:fs/promises', 'node:util']))
  })

  it('is packed with the license it names, in full', async ({ expect }) => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: join(ROOT, 'sdk') })
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[]
    const text = await readFile(join(ROOT, 'sdk/LICENSE'), 'utf8')

    expect(packed?.files.map(({ path }) => path)).toContain('LICENSE')
    expect(text).toMatch(
      /Apache License\s+Version 2\.0[\s\S]+ 9\. [\s\S]+END OF TERMS AND CONDITIONS/,
    )
    expect(text).toBe(await readFile(join(ROOT, 'LICENSE'), 'utf8'))
  })

  it('brings the command "payos", which runs by itself', async ({ expect }) => {
    const { stdout } = await run(dist('payos.js'), ['--help'])
    expect(stdout).toContain('payos pay <url>')
  })

  it('serves the first request of a Worker, built at its module scope', async ({ expect }) => {
    const source = `
      import { paywall } from '@payos/x402/provider'
      import { withPayments } from '@payos/x402/client'
      import { testPayos } from '@payos/x402/testing'
      let payos
      const lazily = (input, init) => payos.fetch(input, init)
      const wall = paywall({
        edge: 'https://edge.payos.test', environment: 'test', fetch: lazily,
        providerId: '40000000-0000-4000-8000-00000000000a',
        endpointId: '50000000-0000-4000-8000-00000000000a',
      })
      const handle = wall.wrap(() => new Response('clear'))
      export default {
        async fetch() {
          payos ??= await testPayos()
          payos.elsewhere = handle
          const pay = withPayments(payos.fetch, {
            edge: 'https://edge.payos.test',
            apiKey: 'pk_test_${'a'.repeat(16)}_${'b'.repeat(49)}',
            walletId: '30000000-0000-4000-8000-000000000001',
          })
          return pay('https://api.example/weather')
        },
      }`
    const entry = join(project, 'worker.js')
    await writeFile(entry, source)
    const built = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      external: ['node:*'],
    })
    const worker = new Miniflare({
      modules: true,
      script: built.outputFiles[0]?.text ?? '',
      compatibilityDate: '2026-07-30',
    })

    const response = await worker.dispatchFetch('http://worker.example/')

    expect([response.status, await response.text()]).toEqual([200, 'clear'])
    await worker.dispose()
  })
})

/** The snippets of the READMEs, each as it stands. */
async function snippets(): Promise<{ name: string; source: string }[]> {
  const parts = ['client', 'provider', 'testing']
  const found = parts.map(async (part) => {
    const text = await readFile(join(ROOT, 'sdk', part, 'README.md'), 'utf8')
    const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
    return blocks.map(([, source = ''], at) => ({ name: `${part}-${at + 1}`, source }))
  })
  return (await Promise.all(found)).flat()
}

describe('each snippet of the READMEs', () => {
  let world: World
  const outputs = new Map<string, string>()

  beforeAll(async () => {
    const port = await freePort()
    const database = await openDatabase()
    const payos = await startPayos({
      databaseUrl: database.url('authenticator'),
      bundle: inject('bundle'),
      issuer: `http://127.0.0.1:${port}`,
      ports: { edge: port },
    })
    world = new World(payos, database)
    const shop = await openShop(world)
    const agent = await world.agent()
    const env = {
      PATH: process.env['PATH'],
      PAYOS_EDGE: payos.issuer,
      PAYOS_AGENT_KEY: agent.apiKey,
      PAYOS_WALLET_ID: agent.walletId,
      PAYOS_PROVIDER_KEY: shop.endpoint.provider.apiKey,
      PAYOS_PROVIDER_ID: shop.endpoint.provider.id,
      PAYOS_ENDPOINT_ID: shop.endpoint.id,
      PAYOS_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      WEATHER_URL: shop.url,
      JOURNAL: join(project, 'journal'),
    }
    await mkdir(join(project, 'snippets'))
    for (const { name, source } of await snippets()) {
      const path = join(project, 'snippets', `${name}.mjs`)
      // Whatever a snippet serves is asked once, and then it ends.
      const runner = `const it = await import(${JSON.stringify(path)})
        const fetch = it.default?.fetch
        if (fetch) console.log((await fetch(new Request(process.env.WEATHER_URL))).status)
        process.exit(0)`
      await writeFile(path, source)
      const args = ['--input-type=module', '--eval', runner]
      const { stdout } = await run(process.execPath, args, { env, cwd: project })
      outputs.set(name, stdout.trim())
    }
    await shop.stop()
  })
  afterAll(() => world?.close())

  it.for([
    ['client-1', /^sunny 0.001$/],
    ['client-2', /^$/],
    ['client-3', /^amount_above_maximum never undefined$/],
    ['provider-1', /^402$/],
    ['provider-2', /^$/],
    ['provider-3', /^\{ ok: false, reason: 'proof_malformed' \}$/],
    ['provider-4', /^400 webhook_unsigned$/],
    ['testing-1', /^200 \d{3}$/],
    ['testing-2', /^endless_402 proof_refused 1\n.*forged_receipt 200 1$/s],
    ['testing-3', /^refuses_all policy_refused 0\nhuge_body outcome_unknown 1$/],
  ] as const)('%s says what it says', ([name, output], { expect }) => {
    expect(outputs.get(name)).toMatch(output)
  })

  it('is one of those above', ({ expect }) => {
    expect([...outputs.keys()]).toHaveLength(10)
  })
})
