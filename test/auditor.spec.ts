import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { operatorOf } from './support/operated.ts'
import { openBorrower, payAsync, runClock, until } from './support/promises.ts'
import { type Desk, openDesk, type Ran } from './support/tools.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const EVERYONE = '00000000-0000-0000-0000-000000000000'

let world: World
let desk: Desk
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  desk = await openDesk()
  endpoint = await world.endpoint()
})
afterAll(async () => {
  await desk?.close()
  await world?.close()
})

/** Runs `npm run audit -- <words>`. */
const audit = (...words: string[]): Promise<Ran> =>
  desk.run('audit', words, { env: operatorOf(world) })

const alarms = () => world.payos.edges.logs().filter((line) => line.includes('audit_violation'))

const leasesOf = ({ walletId }: Agent) =>
  world.database.sql<{ id: string }[]>`
    select id from ledger.leases where wallet_id = ${walletId}`

/** How often the edge asked the ledger for a lease. */
const asked = () =>
  world.payos.postgrest.trips.filter(({ subject }) => subject.includes('grant_x402_lease')).length

/** Adds to what a lease says it paid, past the ledger's own rules, as a broken disk would. */
const misstate = (leaseId: string, units: number) =>
  world.database.sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`
    await sql`update ledger.leases set settled = settled + ${units} where id = ${leaseId}`
  })

describe('while the books agree', () => {
  it('the clock alarms nobody, and audits leave new leases alone', async ({ expect }) => {
    await openBorrower(world, { endpoint })

    await runClock(world)
    await openBorrower(world, { endpoint })

    expect(alarms()).toEqual([])
  })

  it.for([
    ['leases', []],
    ['all accounts', ['--full']],
  ] as const)(
    'npm run audit of %s says so, and what leases hold',
    async ([, words], { expect }) => {
      const ran = await audit(...words)

      expect(ran).toMatchObject({ exit: 0, error: '' })
      expect(ran.out).toContain('✓ the books agree\n')
      expect(ran.out).toMatch(/^ {2}held leases +[1-9]\d*$/m)
      expect(ran.out).toMatch(/^ {2}held escrow +\{"USDC":"\d+"\}$/m)
      expect(ran.out).toMatch(/^ {2}unfunded proofs +0$/m)
    },
  )

  it('npm run audit --json says the same to a script', async ({ expect }) => {
    const ran = await audit('--json')

    expect(ran).toMatchObject({ exit: 0, error: '' })
    expect(JSON.parse(ran.out)).toMatchObject({ violations: [], counters: { unfunded_proofs: 0 } })
  })
})

describe('a lease that says it paid what no payment says', () => {
  let leaseId: string

  beforeEach(async () => {
    const [lease] = await leasesOf(await openBorrower(world, { endpoint }))
    leaseId = lease?.id ?? ''
    await misstate(leaseId, 1)
    return async () => {
      await misstate(leaseId, -1)
      await world.operate('resume_x402_leases', [EVERYONE])
    }
  })

  it('is an alarm within the minute that names it', async ({ expect }) => {
    const before = alarms().length

    await runClock(world)

    const [line = '{}', ...more] = alarms().slice(before)
    expect(more).toEqual([])
    expect(JSON.parse(line.slice(line.indexOf('{')))).toEqual({
      alarm: 'audit_violation',
      invariant: 'M4',
      what: expect.stringContaining(leaseId),
      violations: 1,
    })
  })

  it('stops new leases: who has none is settled at once', async ({ expect }) => {
    await runClock(world)
    const agent = await world.agent()
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    const before = asked()

    const first = await payAsync(world, { agent, endpoint })
    await until(async () => asked() > before)
    const second = await payAsync(world, { agent, endpoint })

    expect([first, second].map(({ status, body }) => [status, body.status])).toEqual([
      [200, 'settled'],
      [200, 'settled'],
    ])
    expect(await leasesOf(agent)).toEqual([])
  })

  it('fails npm run audit, which names it to a script and to people', async ({ expect }) => {
    const [told, shown] = [await audit('--json'), await audit('--full')]

    expect(told.exit).toBe(5)
    expect(JSON.parse(told.out).violations).toEqual([
      { invariant: 'M4', what: expect.stringContaining(leaseId) },
    ])
    expect(JSON.parse(told.error)).toMatchObject({ kind: 'dependency', exit: 5 })
    expect(shown.exit).toBe(5)
    expect(shown.out).toMatch(new RegExp(`^✗ +M4 +lease ${leaseId} says`, 'm'))
    expect(shown.error).toContain('no new leases are granted')
  })
})

describe('npm run audit', () => {
  it('found nothing wrong once it was explained, and leases are granted again', async ({
    expect,
  }) => {
    const ran = await audit('--full', '--json')
    await openBorrower(world, { endpoint })

    expect(ran).toMatchObject({ exit: 0, error: '' })
  })

  it('explains itself without a PayOS', async ({ expect }) => {
    const ran = await desk.run('audit', ['--help'])

    expect(ran).toMatchObject({ exit: 0, error: '' })
    for (const word of ['--full', '--json', 'Exit codes']) expect(ran.out).toContain(word)
  })

  it.for([
    ['2', 'an option it does not know', ['--all'], {}],
    ['2', 'no PayOS', [], { OPERATOR_TOKEN: undefined, SUPABASE_URL: undefined }],
    ['3', 'a token that is none', [], { OPERATOR_TOKEN: 'none' }],
    ['5', 'a ledger that does not answer', [], { SUPABASE_URL: 'http://127.0.0.1:9' }],
  ] as const)('ends with %s at %s', async ([exit, , words, over], { expect }) => {
    const env = { ...operatorOf(world), ...over }

    const ran = await desk.run('audit', [...words], { env })

    expect(ran).toMatchObject({ exit: Number(exit), out: '' })
  })
})
