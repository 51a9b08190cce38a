import connect, { type Sql } from 'postgres'
import { describe, inject, it, onTestFinished } from 'vitest'
import { applyMigrations, dropDatabase } from '../local/database.ts'
import { postgresFromUrl } from '../local/postgres.ts'
import { listRelations, listRoutines } from './support/ledger-catalogue.ts'
import { openDatabase } from './support/postgres.ts'

/** All that each role can reach, of everything there is. Change it by decision only. */
const REACH = [
  {
    role: 'x402_edge',
    functions: [
      'api.capture_x402_payment',
      'api.check_x402_proof',
      'api.get_x402_endpoint',
      'api.get_x402_payment',
      'api.list_x402_endpoints',
      'api.refund_x402_payment',
      'api.settle_x402_payment',
    ],
  },
  {
    role: 'x402_drain',
    functions: [
      'api.audit_x402',
      'api.begin_x402_delivery',
      'api.end_x402_delivery',
      'api.expire_x402_holds',
      'api.grant_x402_lease',
      'api.note_x402_drained',
      'api.reclaim_x402_leases',
      'api.roll_up_x402_credits',
      'api.settle_x402_batch',
      'api.settle_x402_overdrawn',
      'api.take_x402_events',
    ],
  },
  {
    role: 'x402_operator',
    functions: [
      'api.announce_x402_price',
      'api.audit_x402',
      'api.deposit_x402_funds',
      'api.expire_x402_holds',
      'api.get_x402_ended_leases',
      'api.get_x402_events',
      'api.get_x402_totals',
      'api.get_x402_webhooks',
      'api.pay_out_x402_earnings',
      'api.put_x402_agent',
      'api.put_x402_endpoint',
      'api.put_x402_endpoint_terms',
      'api.put_x402_key',
      'api.put_x402_owner',
      'api.put_x402_policy',
      'api.put_x402_provider',
      'api.put_x402_settlement',
      'api.put_x402_signer',
      'api.put_x402_wallet',
      'api.put_x402_webhook',
      'api.put_x402_webhook_secret',
      'api.remove_x402_webhook',
      'api.replay_x402_events',
      'api.resume_x402_leases',
      'api.revoke_x402_key',
      'api.revoke_x402_leases',
      'api.roll_up_x402_credits',
      'api.stop_x402_leases',
    ],
  },
  { role: 'anon', functions: [] },
  { role: 'authenticated', functions: [] },
  { role: 'service_role', functions: [] },
  { role: 'authenticator', functions: [] },
]

const DENIED = '42501'

/** What an attempt met: undefined when it was let in, whatever came of it then. */
async function refusal(
  session: Pick<Sql, 'unsafe'>,
  statement: string,
): Promise<string | undefined> {
  await session.unsafe('begin')
  const error = await session.unsafe(statement).then(
    () => undefined,
    (cause: { code: string }) => cause.code,
  )
  await session.unsafe('rollback')
  return error === DENIED ? error : undefined
}

/** A session logged in as PostgREST logs in, which became `role` the way a token makes it. */
async function sessionAs(role: string) {
  const database = await openDatabase()
  const sql = connect(database.url('authenticator'), { max: 1, onnotice: () => {}, prepare: false })
  onTestFinished(async () => {
    await sql.end({ timeout: 5 })
    await database.close()
  })
  await sql.unsafe(`set role ${role}`)
  return { admin: database.sql, session: sql }
}

describe('the role', () => {
  it.for(REACH)('$role reaches what is listed here and nothing else', async (row, { expect }) => {
    const { admin, session } = await sessionAs(row.role)

    const reached: string[] = []
    for (const { schema, name, call } of await listRoutines(admin)) {
      if ((await refusal(session, call)) === undefined) reached.push(`${schema}.${name}`)
    }

    expect(reached).toEqual(row.functions)
  })

  it.for(REACH)('$role reads and writes no table', async ({ role }, { expect }) => {
    const { admin, session } = await sessionAs(role)
    const relations = await listRelations(admin)

    const reached: string[] = []
    for (const relation of relations) {
      const attempts = [
        `select * from ${relation}`,
        `insert into ${relation} default values`,
        `update ${relation} set id = id`,
        `delete from ${relation}`,
        `truncate ${relation}`,
        `lock table ${relation}`,
      ]
      for (const attempt of attempts) {
        if ((await refusal(session, attempt)) === undefined) reached.push(attempt)
      }
    }

    expect(relations.length).toBeGreaterThan(15)
    expect(reached).toEqual([])
  })

  it.for(REACH)('$role makes nothing and switches nothing off', async ({ role }, { expect }) => {
    const { session } = await sessionAs(role)

    const attempts = [
      'create table api.mine (id int)',
      'create function api.mine() returns int language sql as $$ select 1 $$',
      'create or replace function ledger.clock() returns timestamptz language sql as $$ select now() $$',
      'create schema mine',
      'alter table ledger.wallets disable row level security',
      'set local session_replication_role = replica',
    ]
    const reached: string[] = []
    for (const attempt of attempts) {
      if ((await refusal(session, attempt)) === undefined) reached.push(attempt)
    }

    expect(reached).toEqual([])
  })
})

describe('code that runs as the owner of the ledger', () => {
  it('is not reached through a temporary type of the caller', async ({ expect }) => {
    const { superuserUrl } = inject('postgres')
    const server = postgresFromUrl(superuserUrl)
    const name = `spec_temporary_${Date.now()}`
    const admin = connect(server.url('postgres'), { max: 1 })
    await admin`create database ${admin(name)}`
    const session = connect(server.url(name, 'authenticator'), { max: 1, onnotice: () => {} })
    onTestFinished(async () => {
      await session.end({ timeout: 5 })
      await admin.end({ timeout: 5 })
      await dropDatabase(server, name)
    })
    await applyMigrations(server.url(name))
    await session`set role x402_edge`

    const planted = [
      'create temporary table settle (id int)',
      'create domain pg_temp.uuid as pg_catalog.uuid check (value is null)',
    ]

    for (const attempt of planted) {
      await expect(session.unsafe(attempt)).rejects.toMatchObject({ code: DENIED })
    }
  })

  it.for([
    'set search_path = pg_temp, public',
    "set ledger.now = '2000-01-01'",
    "set timezone = 'Pacific/Kiritimati'",
  ])('answers the same after %s', async (setting, { expect }) => {
    const { session } = await sessionAs('x402_edge')
    const quote = `select api.get_x402_endpoint('50000000-0000-4000-8000-000000000002') as quote`

    const before = await session.unsafe(quote)
    await session.unsafe(setting)
    const after = await session.unsafe(quote)

    expect([...after]).toEqual([...before])
  })
})
