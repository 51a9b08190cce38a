import { parseArgs } from 'node:util'
import { applyMigrations, applySeed, listMigrations, prepareRoles } from './database.ts'
import { type Postgres, PostgresInUse, postgresFromUrl, startPostgres } from './postgres.ts'

const HELP = `npm run db -- [--status] [--seed] [--json]

Applies the migrations in supabase/migrations that are pending, each in a transaction of its own,
to the database in DATABASE_URL, or else to the one that \`npm run dev\` keeps in .payos/postgres.

  --status  apply nothing, only list
  --seed    then run supabase/seed.sql
  --json    print one JSON object instead of a table
  --help    print this
`

const DATA_DIR = '.payos/postgres'

type Target = { postgres: Postgres; databaseUrl: string; place: string }
type Line = { version: string; name: string; state: string; ms: number | null }

const { values: flags } = parseArgs({
  options: {
    status: { type: 'boolean', default: false },
    seed: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (flags.help) process.stdout.write(HELP)
else await run()

async function run(): Promise<void> {
  const target = await findTarget(process.env['DATABASE_URL'])
  try {
    const durations = flags.status ? new Map<string, number>() : await migrate(target)
    const seeded = flags.seed && !flags.status ? await applySeed(target.databaseUrl) : false
    const migrations = (await listMigrations(target.databaseUrl)).map((migration) => {
      return { ...migration, ms: durations.get(migration.version) ?? null }
    })
    if (flags.json) console.log(JSON.stringify({ place: target.place, migrations, seeded }))
    else print({ place: target.place, migrations, seeded })
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : cause)
    if (target.place === DATA_DIR) console.error(`\nTo start over with no data: remove ${DATA_DIR}`)
    process.exitCode = 1
  } finally {
    await target.postgres.stop()
  }
}

/** The user's database; else our own, joining the server that `npm run dev` may have running. */
async function findTarget(address: string | undefined): Promise<Target> {
  if (address) {
    const place = new URL(address)
    place.password = ''
    return { postgres: postgresFromUrl(address), databaseUrl: address, place: place.href }
  }
  const postgres = await startPostgres({ dataDir: DATA_DIR }).catch((cause: unknown) => {
    if (!(cause instanceof PostgresInUse)) throw cause
    return postgresFromUrl(`postgres://postgres@127.0.0.1:${cause.port}/postgres`)
  })
  return { postgres, databaseUrl: postgres.url('postgres'), place: DATA_DIR }
}

async function migrate({ postgres, databaseUrl }: Target): Promise<Map<string, number>> {
  await prepareRoles(postgres)
  const steps = await applyMigrations(databaseUrl)
  return new Map(steps.map(({ version, ms }) => [version, ms]))
}

function print(report: { place: string; migrations: Line[]; seeded: boolean }): void {
  console.log(`Database: ${report.place}\n`)
  const rows = report.migrations.map(({ version, name, state, ms }) => {
    return [version, name, state, ms === null ? '' : `${ms} ms`]
  })
  const table = [['version', 'migration', 'state', 'took'], ...rows]
  const widths = [0, 1, 2, 3].map((at) => Math.max(...table.map((row) => row[at]?.length ?? 0)))
  for (const row of table) {
    console.log(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
  if (rows.length === 0) console.log('(no migrations)')
  if (report.seeded) console.log('\nSeeded from supabase/seed.sql')
}
