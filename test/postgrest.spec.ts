import { PostgrestClient } from '@supabase/postgrest-js'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { PostgrestStandIn } from '../local/stand-ins/postgrest/index.ts'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'
import { applyFixtures, callRpc, mintToken, startRpcSpec } from './support/rpc-spec.ts'

let database: SpecDatabase
let standIn: PostgrestStandIn

beforeAll(async () => {
  database = await openDatabase()
  await applyFixtures(database.url())
  standIn = await startRpcSpec(database.url('authenticator'))
})

afterAll(async () => {
  await standIn.stop()
  await database.close()
})

const callsCounted = async () => {
  const [row] = await database.sql<{ n: string }[]>`
    select case when is_called then last_value else 0 end as n from rpc_spec.calls`
  return Number(row?.n)
}

const noteIds = async () =>
  (await database.sql<{ id: number }[]>`select id from rpc_spec.note order by id`).map(
    (it) => it.id,
  )

describe('the PostgREST stand-in, in transactions', () => {
  it('calls a function once per request', async ({ expect }) => {
    const before = await callsCounted()

    for (let i = 0; i < 3; i += 1) await callRpc(standIn.url, 'count_call')

    expect(await callsCounted()).toBe(before + 3)
  })

  it('calls a function once when the driver takes its error for a stale plan', async ({
    expect,
  }) => {
    await database.sql`grant usage on schema rpc_spec to public`
    await database.sql`grant execute on function rpc_spec.wrong_assignment to public`
    const before = await callsCounted()

    const answers = []
    for (let i = 0; i < 3; i += 1) answers.push(await callRpc(standIn.url, 'wrong_assignment'))

    expect(answers.map((it) => [it.status, (it.body as { code: string }).code])).toEqual([
      [400, '42804'],
      [400, '42804'],
      [400, '42804'],
    ])
    expect(await callsCounted()).toBe(before + 3)
  })

  it('keeps the claims of parallel requests apart', async ({ expect }) => {
    const subjects = Array.from({ length: 40 }, (_, index) => `agent-${index}`)

    const answers = await Promise.all(
      subjects.map((sub) =>
        callRpc(standIn.url, 'guc', {
          args: { name: 'request.jwt.claims' },
          headers: { authorization: `Bearer ${mintToken({ role: 'authenticated', sub })}` },
        }),
      ),
    )

    expect(answers.map(({ body }) => JSON.parse(String(body)).sub)).toEqual(subjects)
  })

  it('leaves nothing of one request behind for the next', async ({ expect }) => {
    const alone = await startRpcSpec(database.url('authenticator'), { poolSize: 1 })
    await callRpc(alone.url, 'answer_with', { args: { status: '418', headers: '[{"x-a":"1"}]' } })
    await callRpc(alone.url, 'slow')

    const { status, headers } = await callRpc(alone.url, 'guc', { args: { name: 'role' } })

    expect([status, headers.get('x-a')]).toEqual([200, null])
    await alone.stop()
  })

  it('writes nothing when one row was wanted and two came', async ({ expect }) => {
    const headers = { accept: 'application/vnd.pgrst.object+json' }

    const two = await callRpc(standIn.url, 'write_notes', { args: { ids: [11, 12] }, headers })
    const one = await callRpc(standIn.url, 'write_notes', { args: { ids: [13] }, headers })

    expect([two.status, one.status, one.body]).toEqual([406, 200, 13])
    expect(await noteIds()).toEqual([13])
  })

  it('commits although a rollback is preferred, unless callers may choose', async ({ expect }) => {
    const lenient = await startRpcSpec(database.url('authenticator'), { allowRollback: true })
    const headers = { prefer: 'tx=rollback' }

    const kept = await callRpc(standIn.url, 'write_notes', { args: { ids: [21] }, headers })
    const undone = await callRpc(lenient.url, 'write_notes', { args: { ids: [22] }, headers })

    expect([kept.status, kept.headers.get('preference-applied')]).toEqual([200, null])
    expect([undone.status, undone.headers.get('preference-applied')]).toEqual([200, 'tx=rollback'])
    expect(await noteIds()).toEqual(expect.arrayContaining([21]))
    expect(await noteIds()).not.toContain(22)
    await lenient.stop()
  })
})

describe('the PostgREST stand-in, to its own client', () => {
  const client = () =>
    new PostgrestClient(standIn.url, {
      schema: 'rpc_spec',
      headers: { authorization: `Bearer ${mintToken({ role: 'authenticated' })}` },
    })

  it('answers rpc()', async ({ expect }) => {
    expect(await client().rpc('add', { a: 1, b: 2 })).toMatchObject({ data: 3, error: null })
  })

  it('answers rpc() over GET, with lists', async ({ expect }) => {
    const answer = client().rpc('joined', { items: ['a', 'b'] }, { get: true })

    expect(await answer).toMatchObject({ data: 'a|b', error: null })
  })

  it('answers rpc().single()', async ({ expect }) => {
    const answer = client().rpc('points', { n: 1 }).single()

    expect(await answer).toMatchObject({ data: { x: 1, y: 1 }, error: null })
  })

  it('answers void with null', async ({ expect }) => {
    expect(await client().rpc('nothing_at_all')).toMatchObject({ data: null, status: 204 })
  })

  it('answers an error with its four members', async ({ expect }) => {
    const { error, status } = await client().rpc('fail', { state: 'PT409', hint: 'wait' })

    expect(status).toBe(409)
    expect(error).toMatchObject({ code: 'PT409', message: 'told to fail', hint: 'wait' })
  })
})

describe('the PostgREST stand-in, about what it does not imitate', () => {
  it.for([
    { feature: 'table routes', path: '/note' },
    { feature: 'the OpenAPI root', path: '/' },
    { feature: 'filters on results', path: '/rpc/points?n=2&x=eq.1' },
    { feature: 'a selection', path: '/rpc/points?n=2&select=x' },
    { feature: 'an order', path: '/rpc/points?n=2&order=x' },
    { feature: 'counts', path: '/rpc/points?n=2', headers: { prefer: 'count=exact' } },
    { feature: 'ranges', path: '/rpc/points?n=2', headers: { range: '0-1' } },
    { feature: 'CSV', path: '/rpc/points?n=2', headers: { accept: 'text/csv' } },
  ])('says 501 to $feature', async ({ path, headers }, { expect }) => {
    const response = await fetch(standIn.url + path, { headers: { ...headers } })

    expect(response.status).toBe(501)
    expect(await response.json()).toMatchObject({
      code: 'STANDIN501',
      message: expect.stringContaining('does not support'),
    })
  })

  it.for(['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream'])(
    'says 501 to a body of type %s',
    async (type, { expect }) => {
      const headers = { 'content-type': type }

      expect((await callRpc(standIn.url, 'add', { headers })).status).toBe(501)
    },
  )
})
