import { chown, mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Whom the Postgres processes run as, when that is somebody else than us. */
export type Account = { uid: number; gid: number }

/**
 * The account to hand Postgres to, or nothing where ours will do.
 *
 * Postgres refuses to run as root, and `initdb` wants an account that has a name.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find(([name]) => name === wanted) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('Postgres refuses to run as root: add an account named "postgres" or "nobody"')
}

/** Whether `account` may walk to the directory `path`; a 0700 home on the way keeps it out. */
export async function canReach(path: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true
  const { uid, gid, mode } = await stat(path)
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0
  if (((mode >> shift) & 1) === 0) return false
  const parent = dirname(path)
  return parent === path || canReach(parent, account)
}

/** A temporary folder of this machine that `account` can reach. */
export async function sharedTmp(account: Account | undefined): Promise<string> {
  for (const path of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await canReach(path, account).catch(() => false)) return path
  }
  throw new Error(`no temporary folder is open to the account Postgres runs as: ${tmpdir()}`)
}

/** A new empty folder under `parent` that belongs to the account Postgres runs as. */
export async function makeOwnedDir(parent: string, account: Account | undefined): Promise<string> {
  const path = await mkdtemp(join(parent, 'payos-postgres-data-'))
  await giveTo(path, account)
  return path
}

/** Makes `path` the property of the account Postgres runs as. */
export async function giveTo(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid)
}
