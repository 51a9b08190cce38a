import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { refused, usage } from './failure.ts'

/** The text of a file; `-` is standard input. */
export async function readSource(path: string): Promise<string> {
  if (path === '-') return text(process.stdin)
  const found = await readIfThere(path)
  if (found === undefined) throw usage(`there is no file ${path}`)
  return found
}

/** The text of a file, or nothing when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (isNoFile(cause)) return undefined
    throw usage(`${path} cannot be read`)
  }
}

const isNoFile = (cause: unknown) =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

/**
 * Writes a secret to a file that only its owner reads, whole or not at all.
 *
 * A file that exists is kept, unless it is the one `replaces` names.
 */
export async function writeSecret(
  path: string,
  secret: string,
  options: { replaces?: string | undefined } = {},
): Promise<void> {
  const replaces = options.replaces !== undefined && resolve(options.replaces) === resolve(path)
  if (!replaces && (await readIfThere(path)) !== undefined) {
    throw refused(`${path} exists and may hold a secret: name another file`)
  }
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    await rename(draft, path)
  } catch {
    await rm(draft, { force: true })
    throw usage(`${path} cannot be written`)
  }
}
