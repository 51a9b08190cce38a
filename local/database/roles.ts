import type { TransactionSql } from 'postgres'
import type { Postgres } from '../postgres.ts'
import { withAdmin } from './connect.ts'

/** The API roles of a hosted Supabase project, with the time limits they have there. */
const ROLES = [
  { name: 'anon', traits: 'nologin noinherit', limits: { statement_timeout: '3s' } },
  { name: 'authenticated', traits: 'nologin noinherit', limits: { statement_timeout: '8s' } },
  { name: 'service_role', traits: 'nologin noinherit bypassrls', limits: {} },
  {
    name: 'authenticator',
    traits: 'login noinherit',
    limits: { statement_timeout: '8s', lock_timeout: '8s' },
  },
]
const LOCK = 402_2027

/**
 * Creates the roles that a hosted Supabase project already has, where they are missing.
 *
 * Roles belong to the whole server: two callers take turns, and a role that exists is left as it
 * is, password and all. Without a password, `authenticator` enters only where it is trusted.
 */
export async function prepareRoles(
  postgres: Postgres,
  { authenticatorPassword }: { authenticatorPassword?: string | undefined } = {},
): Promise<void> {
  // Advisory locks hold within one database, so everyone takes this one in the same.
  await withAdmin(postgres.url('postgres'), (sql) =>
    sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${LOCK})`
      for (const role of ROLES) {
        const created = await createRole(tx, role)
        if (created && role.name === 'authenticator') await setPassword(tx, authenticatorPassword)
      }
      await grantToAuthenticator(tx)
    }),
  )
}

async function createRole(tx: TransactionSql, role: (typeof ROLES)[number]): Promise<boolean> {
  const [existing] = await tx`select from pg_roles where rolname = ${role.name}`
  if (existing) return false
  await tx.unsafe(`create role ${role.name} ${role.traits}`)
  for (const [limit, value] of Object.entries(role.limits)) {
    await tx.unsafe(`alter role ${role.name} set ${limit} = '${value}'`)
  }
  return true
}

async function setPassword(tx: TransactionSql, password: string | undefined): Promise<void> {
  if (password === undefined) return
  const [row] = await tx<{ order: string }[]>`
    select format('alter role authenticator password %L', ${password}::text) as order
  `
  if (row) await tx.unsafe(row.order)
}

async function grantToAuthenticator(tx: TransactionSql): Promise<void> {
  const missing = await tx<{ rolname: string }[]>`
    select rolname from pg_roles
     where rolname in ('anon', 'authenticated', 'service_role')
       and not exists (
         select from pg_auth_members
          where roleid = pg_roles.oid and member = 'authenticator'::regrole
       )
  `
  for (const { rolname } of missing) await tx`grant ${tx(rolname)} to authenticator`
}
