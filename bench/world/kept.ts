import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import connect from 'postgres'
import { startPostgres } from '../../local/postgres.ts'
import type { Bench } from '../scenario.ts'
import { Databases, type World } from './databases.ts'
import type { Parties, Population } from './population.ts'
import { storePayments } from './stored.ts'

const FOLDER = '.payos/bench'

/** Worlds with many payments stored, on a server whose data stay for the next run. */
export type Kept = AsyncDisposable & { worlds: Map<number, World> }

/**
 * Opens a world per size and makes those that are missing, which takes minutes per ten million. The
 * empty one is always new: each run leaves its own payments in the others, which hardly counts.
 */
export async function openKept(
  bench: Bench,
  population: Population,
  sizes: readonly number[],
): Promise<Kept> {
  const folder = await freshFolder()
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') })
  const databases = new Databases(postgres)
  const worlds = new Map<number, World>()
  for (const stored of sizes) {
    worlds.set(stored, await openOne({ bench, databases, folder, population, stored }))
  }
  return {
    worlds,
    [Symbol.asyncDispose]: async () => {
      for (const world of worlds.values()) await world[Symbol.asyncDispose]()
      await postgres.stop()
    },
  }
}

/** Where data made by these migrations are kept; what others made is of no use and is removed. */
async function freshFolder(): Promise<string> {
  const version = await migrationsVersion()
  await mkdir(FOLDER, { recursive: true })
  for (const name of await readdir(FOLDER)) {
    if (name !== version) await rm(join(FOLDER, name), { recursive: true })
  }
  const folder = join(FOLDER, version)
  await mkdir(folder, { recursive: true })
  return folder
}

type One = {
  bench: Bench
  databases: Databases
  folder: string
  population: Population
  stored: number
}

async function openOne({ bench, databases, folder, population, stored }: One): Promise<World> {
  if (stored === 0) return databases.open(population)

  const note = join(folder, `stored-${stored}-${population.wallets}.json`)
  const known = await readFile(note, 'utf8').catch(() => undefined)
  if (known !== undefined) {
    const { name, parties } = JSON.parse(known) as { name: string; parties: Parties }
    const url = (user?: string) => databases.postgres.url(name, user)
    return keeping({ parties, sql: connect(url(), { onnotice: () => {} }), url })
  }
  const world = await databases.open(population)
  await storePayments(world, stored, (done, all) =>
    bench.progress(done, all, `storing ${all.toLocaleString('en')} payments`),
  )
  const name = new URL(world.url()).pathname.slice(1)
  await writeFile(note, JSON.stringify({ name, parties: world.parties }))
  return keeping(world)
}

/** A world that is left, not dropped, when it is closed. */
const keeping = ({ parties, sql, url }: Omit<World, typeof Symbol.asyncDispose>): World => ({
  ...{ parties, sql, url },
  [Symbol.asyncDispose]: () => sql.end({ timeout: 5 }),
})

/** A short name of the migrations: data made by others is of no use. */
async function migrationsVersion(): Promise<string> {
  const folder = new URL('../../supabase/migrations/', import.meta.url)
  const names = (await readdir(folder)).sort()
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder))))
  return createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 12)
}
