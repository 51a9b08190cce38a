import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
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
  folder = await mkdtemp(join(tmpdir(), 'bundle-'))
  bundle = await bundleWorker({ minify: true })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** What a deployment sets beside the vars; good enough to start, of no use to anyone. */
function secrets(): Record<string, string> {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const word = 'a-word-for-this-spec-alone'
  return {
    SUPABASE_PUBLISHABLE_KEY: word,
    EDGE_DATABASE_TOKEN: word,
    DRAIN_DATABASE_TOKEN: word,
    UPSTASH_REDIS_REST_TOKEN: word,
    METRICS_TOKEN: word,
    QSTASH_TOKEN: word,
    QSTASH_CURRENT_SIGNING_KEY: word,
    QSTASH_NEXT_SIGNING_KEY: word,
    PROOF_KEYS: JSON.stringify([{ kid: x, x, d, publishAt: 0, activeAt: 0 }]),
  }
}

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
  const plan = { bundle: { ...bundle, path }, bindings: secrets(), control: false }
  const edges = await startEdges(plan)
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
