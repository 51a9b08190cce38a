import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler'

const ROOT = dirname(import.meta.dirname)
const OUT = join(ROOT, 'dist', 'local')
const WRAPPER = fileURLToPath(new URL('./edge-entry.ts', import.meta.url))

/** The built Worker and all that `startEdges` needs to run it; plain data, safe to hand to a test. */
export type Bundle = {
  path: string
  bytes: number
  gzipBytes: number
  /** The local wrapper, built beside the Worker and never into it. */
  wrapperPath: string
  /** What wrangler.toml says of the Worker, in Miniflare's words. */
  worker: WorkerSettings
  crons: string[]
}

type WorkerSettings = {
  compatibilityDate?: string
  compatibilityFlags: string[]
  ratelimits: Record<string, { simple: { limit: number; period: 10 | 60 } }>
  vars: Record<string, unknown>
}

/**
 * Builds the Worker that wrangler.toml names as `main`, or another, with a source map into `dist/`.
 *
 * Files appear whole or not at all, so that two builds at once do not spoil each other.
 */
export async function bundleWorker(
  options: { minify?: boolean; entry?: string } = {},
): Promise<Bundle> {
  const { main, define, crons, worker } = readProject()
  const { minify = false, entry = main } = options
  const path = join(OUT, `${parse(entry).name}${minify ? '.min' : ''}.js`)
  const wrapperPath = join(OUT, 'edge-entry.js')
  const [code] = await Promise.all([
    buildModule({ entry, path, minify, define }),
    buildModule({ entry: WRAPPER, path: wrapperPath }),
  ])
  const [bytes, gzipBytes] = [code.byteLength, gzipSync(code).byteLength]
  return { path, bytes, gzipBytes, wrapperPath, worker, crons }
}

function readProject() {
  const config = unstable_readConfig(
    { config: join(ROOT, 'wrangler.toml') },
    { hideWarnings: true },
  )
  const { workerOptions, main, define } = unstable_getMiniflareWorkerOptions(config)
  if (!main) throw new Error('wrangler.toml names no main')
  const { compatibilityDate, compatibilityFlags, ratelimits } = workerOptions
  const worker: WorkerSettings = {
    ...(compatibilityDate && { compatibilityDate }),
    compatibilityFlags: compatibilityFlags ?? [],
    ratelimits: ratelimits ?? {},
    // Not workerOptions.bindings: those hold .dev.vars too, and a spec must not depend on them.
    vars: config.vars,
  }
  return { main, define: define ?? {}, crons: config.triggers.crons ?? [], worker }
}

type Module = { entry: string; path: string; minify?: boolean; define?: Record<string, string> }

async function buildModule({ entry, path, minify, define }: Module): Promise<Uint8Array> {
  const built = await build({
    entryPoints: [entry],
    outfile: path,
    write: false,
    bundle: true,
    minify: minify ?? false,
    sourcemap: 'linked',
    legalComments: 'none',
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    define: { 'process.env.NODE_ENV': '"production"', ...define },
    logLevel: 'silent',
  })
  await mkdir(dirname(path), { recursive: true })
  for (const file of built.outputFiles) await writeWhole(file.path, file.contents)
  const code = built.outputFiles.find((file) => file.path === path)
  if (!code) throw new Error(`esbuild wrote no ${basename(path)}`)
  return code.contents
}

async function writeWhole(path: string, contents: Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.${performance.now()}`
  await writeFile(draft, contents)
  await rename(draft, path)
}
