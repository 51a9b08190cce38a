import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'

const WALLET = '30000000-0000-4000-8000-000000000001'
const EVERYONE = '00000000-0000-0000-0000-000000000000'

let database: SpecDatabase

beforeAll(async () => {
  database = await openDatabase()
  await database.sql`select api.put_x402_settlement(${WALLET}, 'async')`
})
afterAll(() => database.close())

const audit = async (full: boolean) => {
  const [row] = await database.sql`select api.audit_x402(${full}) as said`
  return row?.['said'] as {
    violations: { invariant: string; what: string }[]
    counters: Record<string, unknown>
  }
}

/** Asks for a lease; the answer's outcome and, when it is refused, why. */
const ask = async () => {
  const [row] = await database.sql`
    select api.grant_x402_lease(${WALLET}, 'oslo', ${randomUUID()}, '100', '10') as said`
  const said = row?.['said'] as { outcome: string; reason?: string; lease?: { lease_id: string } }
  return said
}

describe('the auditor', () => {
  it.for([false, true])(
    'finds nothing wrong with a new lease (full: %s)',
    async (full, { expect }) => {
      expect((await ask()).outcome).toBe('granted')

      const { violations, counters } = await audit(full)

      expect(violations).toEqual([])
      expect(counters).toMatchObject({
        ...{ forked_leases: 0, open_forks: 0, unfunded_proofs: 0 },
        ...{ stopped_wallets: 0, new_stops: 0 },
      })
    },
  )

  it('counts the escrow that leases hold', async ({ expect }) => {
    const { sql } = database
    const [held] = await sql`select sum(escrow - settled)::text as sum from ledger.leases`

    expect((await audit(false)).counters['held_escrow']).toEqual({ USDC: held?.['sum'] })
  })

  it('names a lease that paid what no payment says, and stops new leases', async ({ expect }) => {
    const { lease } = await ask()
    await database.sql`
      update ledger.leases set settled = settled + 1 where id = ${lease?.lease_id ?? ''}`

    const { violations } = await audit(false)

    expect(violations).toEqual([
      { invariant: 'M4', what: expect.stringContaining(lease?.lease_id ?? '') },
    ])
    expect(await ask()).toMatchObject({ outcome: 'refused', reason: 'stopped' })
  })

  it('leaves it to an operator to go on', async ({ expect }) => {
    await database.sql`select api.resume_x402_leases(${EVERYONE})`
    expect((await ask()).outcome).toBe('granted')

    await audit(false)

    expect((await ask()).reason).toBe('stopped')
  })

  it('names in full an account that holds what never moved', async ({ expect }) => {
    await database.sql`update ledger.wallets set balance = balance + 7 where id = ${WALLET}`

    const { violations } = await audit(true)

    expect(violations).toContainEqual({
      invariant: 'M4',
      what: expect.stringContaining(`wallet:${WALLET}`),
    })
  })
})
