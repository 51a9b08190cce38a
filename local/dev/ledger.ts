import { applyMigrations, applySeed, pendingMigrations, prepareRoles } from '../database.ts'
import { type Postgres, postgresFromUrl, startPostgres } from '../postgres.ts'
import type { Screen } from './screen.ts'
import type { Services } from './services.ts'
import { DATA_DIR } from './state.ts'

export type LedgerDatabase = {
  postgres: Postgres
  /** As the owner of everything in it. */
  ownerUrl: string
  /** As the login that the gateway has. */
  gatewayUrl: string
}

/** Starts our Postgres, or takes the one that `DATABASE_URL` names. @throws PostgresInUse */
export async function openLedger({ databaseUrl }: Services): Promise<LedgerDatabase> {
  if (!databaseUrl) {
    const postgres = await startPostgres({ dataDir: DATA_DIR })
    const gatewayUrl = postgres.url('postgres', 'authenticator')
    return { postgres, ownerUrl: postgres.url('postgres'), gatewayUrl }
  }
  // The gateway's login gets the password of yours, where it does not exist yet.
  const gateway = new URL(databaseUrl)
  gateway.username = 'authenticator'
  const postgres = postgresFromUrl(databaseUrl)
  return { postgres, ownerUrl: databaseUrl, gatewayUrl: gateway.href }
}

/** Brings roles, schema and the seed into the database, each of them once. */
export async function prepareLedger(ledger: LedgerDatabase, screen: Screen): Promise<void> {
  const { postgres, ownerUrl } = ledger
  const password = decodeURIComponent(new URL(ledger.gatewayUrl).password)
  await prepareRoles(postgres, password ? { authenticatorPassword: password } : {})
  const pending = await pendingMigrations(ownerUrl)
  if (pending.length > 0) {
    await screen.step(`migrations (${pending.length})`, () => applyMigrations(ownerUrl))
  }
  await applySeed(ownerUrl)
}
