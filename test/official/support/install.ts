import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = dirname(dirname(dirname(import.meta.dirname)))

/** The package of the examples on the official x402 packages; it has an install of its own. */
export const OFFICIAL = join(ROOT, 'examples/official')

/** What `npm ci` writes last. */
const INSTALLED = join(OFFICIAL, 'node_modules/.package-lock.json')
const LOCK = join(OFFICIAL, '.installing')

/** Installs the official packages unless that was done; two spec files do not do it at once. */
export async function installOfficial(): Promise<void> {
  while (!existsSync(INSTALLED)) {
    const isOurs = await mkdir(LOCK).then(
      () => true,
      () => false,
    )
    if (!isOurs) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      continue
    }
    try {
      await promisify(execFile)('npm', ['ci', '--prefix', OFFICIAL, '--no-audit', '--no-fund'])
    } finally {
      await rm(LOCK, { recursive: true })
    }
  }
}
