import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Bundle, bundleWorker } from '../local/bundle.ts'
import { startEdges } from '../local/edges.ts'

const ROOT = dirname(import.meta.dirname)
const BUDGET_BYTES = 140_000

let bundle: Bundle
let folder: string

beforeAll(async () => {
  bundle = await bundleWorker({ minify: true })
  folder = await mkdtemp(join(tmpdir(), 'bundle-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function wranglerBundle(): Promise<string> {
  const wrangler = join(ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', folder]
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false' }
  const run = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'ignore' })
  const [code] = await once(run, 'exit')
  if (code !== 0) throw new Error(`wrangler ended with ${code}`)
  return join(folder, 'worker.js')
}

async function healthOf(path: string): Promise<number> {
  const edges = await startEdges({ bundle: { ...bundle, path }, bindings: {}, control: false })
  const answer = await fetch(`${edges.edges[0]?.url}/health`)
  await edges.stop()
  return answer.status
}

describe('the Worker bundle', () => {
  it('is at most 140 KB compressed', async ({ expect }) => {
    const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`
    const { bytes, gzipBytes } = bundle
    process.stdout.write(`Worker: ${kilobytes(bytes)}, gzip ${kilobytes(gzipBytes)}\n`)
    expect(gzipBytes).toBeLessThanOrEqual(BUDGET_BYTES)
  })

  it('contains nothing of what one machine adds to it', async ({ expect }) => {
    const code = await readFile(bundle.path, 'utf8')
    expect(code).not.toContain('__control')
  })

  it('starts and answers /health, minified', async ({ expect }) => {
    expect(await healthOf(bundle.path)).toBe(200)
  })

  it('starts and answers /health as wrangler deploys it', async ({ expect }) => {
    expect(await healthOf(await wranglerBundle())).toBe(200)
  })
})
