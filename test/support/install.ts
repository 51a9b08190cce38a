import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = dirname(dirname(import.meta.dirname))

/** The package of the examples on the official x402 packages; it has an install of its own. */
export const OFFICIAL = join(ROOT, 'examples/official')

/** Runtimes other than Node, in an install of their own. */
export const RUNTIMES = join(ROOT, 'test/sdk/runtimes')

/** Installs a folder's packages unless that was done; two spec files do not do it at once. */
export async function install(folder: string): Promise<void> {
  // What `npm ci` writes last.
  const installed = join(folder, 'node_modules/.package-lock.json')
  const lock = join(folder, '.installing')
  while (!existsSync(installed)) {
    const isOurs = await mkdir(lock).then(
      () => true,
      () => false,
    )
    if (!isOurs) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      continue
    }
    try {
      const quiet = ['--ignore-scripts', '--no-audit', '--no-fund']
      await promisify(execFile)('npm', ['ci', '--prefix', folder, ...quiet])
    } finally {
      await rm(lock, { recursive: true })
    }
  }
}
