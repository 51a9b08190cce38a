import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { build } from 'esbuild'

const ROOT = dirname(import.meta.dirname)

/** The subpaths of the package; each is one file of JavaScript. */
const parts = ['client', 'provider', 'x402', 'testing'] as const

/**
 * Builds the package as it is published: JavaScript that runs wherever `fetch` does, and its types.
 *
 * It depends on no package; Node's modules are loaded where they are used.
 */
async function buildSdk(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await build({
    entryPoints: {
      ...Object.fromEntries(parts.map((part) => [part, join(ROOT, 'sdk', part, 'index.ts')])),
      payos: join(ROOT, 'sdk/cli/main.ts'),
    },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minifySyntax: true,
    external: ['node:*'],
    legalComments: 'none',
    logLevel: 'warning',
  })
  await chmod(join(folder, 'payos.js'), 0o755)
  await writeTypes(join(folder, 'types'))
}

/** Lays the package out as an install would, for whoever wants to run it as a user does. */
export async function installSdk(folder: string): Promise<void> {
  const target = join(folder, 'node_modules/@payos/x402')
  await buildSdk(join(target, 'dist'))
  await cp(join(ROOT, 'sdk/package.json'), join(target, 'package.json'))
}

/** Declarations of what the entries lead to, and of nothing else. */
async function writeTypes(folder: string): Promise<void> {
  const entries = parts.map((part) => join('sdk', part, 'index'))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const project = join(ROOT, 'sdk/tsconfig.json')
  execFileSync(process.execPath, [tsc, '--project', project, '--outDir', folder], {
    stdio: 'inherit',
  })
  const reached = new Set(entries.flatMap((entry) => reachedFrom(folder, entry)))
  for (const path of await readdir(folder, { recursive: true })) {
    const isFile = path.endsWith('.d.ts')
    if (isFile && !reached.has(path)) await rm(join(folder, path))
  }
}

/** Every declaration file an entry needs. */
function reachedFrom(folder: string, entry: string, seen = new Set<string>()): string[] {
  const path = `${entry}.d.ts`
  if (seen.has(path) || !existsSync(join(folder, path))) return [...seen]
  seen.add(path)
  const text = readFileSync(join(folder, path), 'utf8')
  for (const [, name = ''] of text.matchAll(/from '(\.[^']+)\.ts'/g)) {
    reachedFrom(folder, normalize(join(dirname(entry), name)), seen)
  }
  return [...seen]
}

if (import.meta.main) await buildSdk(join(ROOT, 'sdk/dist'))
