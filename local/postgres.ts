import { mkdir, mkdtemp, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type Account,
  canReach,
  giveTo,
  makeOwnedDir,
  serverAccount,
  sharedTmp,
} from './postgres/account.ts'
import { type Binaries, installBinaries } from './postgres/binaries.ts'
import { launchPatiently } from './postgres/patience.ts'
import { initialise, type Server, startKeeper } from './postgres/server.ts'

export { PostgresInUse } from './postgres/occupant.ts'

/** A Postgres server: ours on this machine, or one of the user's. */
export type Postgres = {
  readonly port: number
  /** The address of a database there, for the superuser unless another user is named. */
  url: (database: string, user?: string) => string
  /** Ends the server in order; temporary data is gone after it. */
  stop: () => Promise<void>
  /** Ends every process of the server at once (SIGKILL), as a crash does. */
  kill: () => Promise<void>
  /** Starts the server again after `stop` or `kill`: same data, same port. */
  restart: () => Promise<void>
}

export type PostgresOptions = {
  /** Where the data is kept between runs. Absent: a temporary place, removed on `stop`. */
  dataDir?: string | undefined
  /** Absent: any free port. */
  port?: number | undefined
}

/**
 * Starts a Postgres 17 of our own, on loopback, and resolves once it accepts connections.
 *
 * What it has committed survives `kill`. It ends with the Node process that started it, however
 * that ends. Anyone on this machine may connect as any user: it is for made-up data only.
 *
 * @throws PostgresInUse when another running process serves `dataDir`
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const account = await serverAccount()
  const binaries = await installBinaries(account)
  const kept = options.dataDir === undefined ? undefined : resolve(options.dataDir)
  const place = kept ? keepAt(kept, account) : makeOwnedDir(await sharedTmp(account), account)
  const home = await realpath(await place)
  const temporary = kept === undefined ? home : undefined
  const data = join(home, 'data')
  const log = join(home, 'postgres.log')

  const start = async (port: number | undefined) => {
    const keeper = startKeeper(temporary)
    const cluster = { binaries, account, data, log, keeper }
    try {
      return { keeper, server: await launchPatiently(cluster, port) }
    } catch (cause) {
      keeper.dismiss()
      throw cause
    }
  }

  try {
    await ensureCluster({ binaries, account, home, data })
    await writeFile(log, '')
    return controls(await start(options.port), { start, temporary })
  } catch (cause) {
    if (temporary) await rm(temporary, { recursive: true, force: true })
    throw cause
  }
}

/**
 * A Postgres server of the user's (`DATABASE_URL`) in the shape of ours.
 *
 * It is never stopped: `stop` does nothing, `kill` and `restart` refuse.
 */
export function postgresFromUrl(address: string): Postgres {
  const refuse = (what: string) => async () => {
    throw new Error(`DATABASE_URL names a server of yours: PayOS does not ${what} it`)
  }
  return {
    port: Number(new URL(address).port || 5432),
    url(database, user) {
      const url = new URL(address)
      url.pathname = `/${database}`
      if (user !== undefined && user !== decodeURIComponent(url.username)) {
        url.username = user
        url.password = ''
      }
      return url.href
    },
    stop: async () => {},
    kill: refuse('kill'),
    restart: refuse('restart'),
  }
}

type Running = { keeper: ReturnType<typeof startKeeper>; server: Server }
type Start = (port: number | undefined) => Promise<Running>

function controls(
  first: Running,
  { start, temporary }: { start: Start; temporary: string | undefined },
): Postgres {
  const port = first.server.port
  let running = first
  let isStopped = false

  return {
    port,
    url: (database, user = 'postgres') =>
      `postgres://${encodeURIComponent(user)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async stop() {
      if (running.server.isRunning()) await running.server.stop()
      isStopped = true
      running.keeper.dismiss()
      if (temporary) await rm(temporary, { recursive: true, force: true })
    },
    async kill() {
      if (running.server.isRunning()) await running.server.kill()
    },
    async restart() {
      if (running.server.isRunning()) throw new Error('Postgres runs: stop or kill it first')
      if (isStopped && temporary) {
        throw new Error('its temporary data went with stop: name a dataDir to keep it')
      }
      running.keeper.dismiss()
      running = await start(port)
    },
  }
}

/** Initialises the cluster unless it exists; one that was interrupted half-way never counts. */
async function ensureCluster(place: {
  binaries: Binaries
  account: Account | undefined
  home: string
  data: string
}): Promise<void> {
  const { binaries, account, home, data } = place
  if (await stat(join(data, 'PG_VERSION')).catch(() => false)) return
  const making = await mkdtemp(join(home, 'data-'))
  await giveTo(making, account)
  await initialise({ binaries, account, data: making })
  await rename(making, data)
}

/**
 * The folder that really holds the data kept at `dataDir`: itself, unless Postgres has to run as
 * an account that cannot get there. Then it is a folder of its own, whose path is noted there.
 */
async function keepAt(dataDir: string, account: Account | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true })
  if (await canReach(dataDir, account)) return dataDir
  const note = join(dataDir, 'location')
  const noted = (await readFile(note, 'utf8').catch(() => '')).trim()
  if (noted && (await stat(noted).catch(() => false))) return noted
  // Not under a temporary folder: those are swept, file by file, between runs.
  const place = await makeOwnedDir('/var/lib', account)
  await writeFile(note, `${place}\n`)
  return place
}
