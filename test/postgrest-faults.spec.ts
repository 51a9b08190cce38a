import connect from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { prepareRoles } from '../local/database.ts'
import { type Postgres, startPostgres } from '../local/postgres.ts'
import type { PostgrestStandIn } from '../local/stand-ins/postgrest/index.ts'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'
import { applyFixtures, callRpc, mintToken, startRpcSpec } from './support/rpc-spec.ts'

const codeOf = ({ body }: { body: unknown }) => (body as { code: string }).code
const limited = { authorization: `Bearer ${mintToken({ role: 'rpc_spec_limited' })}` }

describe('the PostgREST stand-in, told to fail', () => {
  let database: SpecDatabase
  let standIn: PostgrestStandIn

  beforeAll(async () => {
    database = await openDatabase()
    await applyFixtures(database.url())
  })

  beforeEach(async () => {
    standIn = await startRpcSpec(database.url('authenticator'), {
      poolSize: 1,
      poolTimeoutMs: 100,
    })
  })

  afterEach(() => standIn.stop())

  afterAll(() => database.close())

  const count = async () => {
    const [row] = await database.sql<{ n: string }[]>`select last_value as n from rpc_spec.calls`
    return Number(row?.n)
  }

  it('applies a call and loses its answer', async ({ expect }) => {
    await callRpc(standIn.url, 'count_call')
    const before = await count()
    standIn.faults.add({ match: 'count_call', when: 'after', effect: { kind: 'drop' } })

    await expect(callRpc(standIn.url, 'count_call')).rejects.toThrow('fetch failed')

    expect(await count()).toBe(before + 1)
  })

  it('loses a call before it is applied', async ({ expect }) => {
    await callRpc(standIn.url, 'count_call')
    const before = await count()
    standIn.faults.add({ match: 'count_call', effect: { kind: 'drop' } })

    await expect(callRpc(standIn.url, 'count_call')).rejects.toThrow('fetch failed')

    expect(await count()).toBe(before)
  })

  it('fails only the function it was told to', async ({ expect }) => {
    standIn.faults.add({ match: 'count_call', effect: { kind: 'status', status: 500 } })

    expect((await callRpc(standIn.url, 'whoami')).status).toBe(200)
    expect((await callRpc(`${standIn.url}/rest/v1`, 'count_call')).status).toBe(500)
  })

  it('logs a trip by the function and the request', async ({ expect }) => {
    await callRpc(standIn.url, 'whoami', { headers: { 'x-request-id': 'r-7' } })

    expect(standIn.trips).toMatchObject([{ subject: 'whoami', requestId: 'r-7', status: 200 }])
  })

  it('refuses whoever waits too long for a connection', async ({ expect }) => {
    const holding = callRpc(standIn.url, 'sleep', { args: { seconds: 0.4 } })

    const waiting = await callRpc(standIn.url, 'whoami')

    expect([waiting.status, waiting.body]).toEqual([
      504,
      {
        code: 'PGRST003',
        message: 'Timed out acquiring connection from connection pool.',
        details: null,
        hint: null,
      },
    ])
    expect((await holding).status).toBe(204)
    expect((await callRpc(standIn.url, 'whoami')).status).toBe(200)
  })

  it('answers 503 when an administrator ends the connection in use', async ({ expect }) => {
    const sleeping = callRpc(standIn.url, 'sleep', { args: { seconds: 20 } })
    const ended = () => database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query like '%"sleep"%' and state = 'active'
         and pid <> pg_backend_pid()`
    await expect.poll(async () => (await ended()).length).toBe(1)

    const answer = await sleeping

    expect([answer.status, codeOf(answer)]).toEqual([503, '57P01'])
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await callRpc(standIn.url, 'whoami')).status).toBe(200)
  })

  it('does not see a new function until it is told to', async ({ expect }) => {
    await database.sql`create or replace function rpc_spec.added() returns integer
                       language sql as 'select 1'`
    await database.sql`grant execute on function rpc_spec.added to authenticated`
    const before = await callRpc(standIn.url, 'added')

    await database.sql`notify pgrst, 'reload schema'`

    expect([before.status, codeOf(before)]).toEqual([404, 'PGRST202'])
    await expect.poll(async () => (await callRpc(standIn.url, 'added')).status).toBe(200)
  })

  it('does not see a new role setting until the configuration is read', async ({ expect }) => {
    const limit = async () =>
      (
        await callRpc(standIn.url, 'guc', {
          args: { name: 'work_mem' },
          headers: limited,
        })
      ).body
    await database.sql`alter role rpc_spec_limited set work_mem = '7MB'`
    const before = await limit()

    await database.sql`notify pgrst, 'reload config'`

    expect(before).not.toBe('7MB')
    await expect.poll(limit).toBe('7MB')
    await database.sql`alter role rpc_spec_limited reset work_mem`
  })

  it('reads everything again by order', async ({ expect }) => {
    await database.sql`create function rpc_spec.added_too() returns integer
                       language sql as 'select 1'`
    await database.sql`grant execute on function rpc_spec.added_too to authenticated`

    await fetch(`${standIn.url}/__control/reload`, { method: 'POST' })

    expect((await callRpc(standIn.url, 'added_too')).status).toBe(200)
  })
})

describe('the PostgREST stand-in, over a database that dies', () => {
  let postgres: Postgres
  let standIn: PostgrestStandIn

  beforeAll(async () => {
    postgres = await startPostgres()
    await prepareRoles(postgres)
    await applyFixtures(postgres.url('postgres'))
    standIn = await startRpcSpec(postgres.url('postgres', 'authenticator'))
  })

  afterAll(async () => {
    await standIn.stop()
    await postgres.stop()
  })

  const status = async () => (await callRpc(standIn.url, 'whoami')).status

  it('does not know the outcome of a call under way, and serves again by itself', async ({
    expect,
  }) => {
    const underway = callRpc(standIn.url, 'sleep', { args: { seconds: 20 } })
    const owner = connect(postgres.url('postgres'), { max: 1 })
    const sleeping = () => owner`
      select from pg_stat_activity
       where query like '%"sleep"%' and state = 'active' and pid <> pg_backend_pid()`
    await expect.poll(async () => (await sleeping()).length).toBe(1)
    await owner.end()

    await postgres.kill()
    const lost = await underway
    const down = await callRpc(standIn.url, 'whoami')
    await postgres.restart()

    expect([lost.status, codeOf(lost)]).toEqual([503, 'PGRST001'])
    expect([down.status, codeOf(down)]).toEqual([503, 'PGRST000'])
    expect(down.headers.get('retry-after')).toBe('1')
    await expect.poll(status, { timeout: 10_000 }).toBe(200)
  })

  it('hears of new functions again after the database is back', async ({ expect }) => {
    await postgres.kill()
    await postgres.restart()
    await expect.poll(status, { timeout: 10_000 }).toBe(200)
    const owner = connect(postgres.url('postgres'), { max: 1 })

    await owner`create function rpc_spec.added() returns integer language sql as 'select 1'`
    await owner`notify pgrst, 'reload schema'`

    await expect.poll(async () => (await callRpc(standIn.url, 'added')).status).toBe(200)
    await owner.end()
  })

  it('has nothing to serve from when it starts before the database', async ({ expect }) => {
    await postgres.kill()
    const early = await startRpcSpec(postgres.url('postgres', 'authenticator'))
    const before = await callRpc(early.url, 'whoami')

    await postgres.restart()

    expect([before.status, before.body]).toMatchObject([503, { code: 'PGRST002' }])
    await expect
      .poll(async () => (await callRpc(early.url, 'whoami')).status, { timeout: 10_000 })
      .toBe(200)
    await early.stop()
  })

  it('does not start with a login that does not exist', async ({ expect }) => {
    const url = postgres.url('postgres', 'nobody_at_all')
    await expect.poll(status, { timeout: 10_000 }).toBe(200)

    await expect(startRpcSpec(url)).rejects.toThrow('nobody_at_all')
  })
})
