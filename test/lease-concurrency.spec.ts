import type { Sql } from 'postgres'
import { describe, it } from 'vitest'
import { at, cast, putWallet } from './model/cast.ts'
import { lend, promise, settle } from './support/lease-crowd.ts'
import { moveLedgerClock } from './support/ledger-clock.ts'
import { ask, audit, BALANCED, openCrowd, payment, times } from './support/ledger-crowd.ts'

const wallet_id = at(cast.wallets, 0)

/** Does `first` and keeps its transaction open until `second` waits for it; answers both. */
async function meet<First, Second>(
  sql: Sql,
  first: (tx: Pick<Sql, 'unsafe'>) => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  let later: Promise<Second> | undefined
  const said = await sql.begin(async (tx) => {
    const done = await first(tx)
    later = second()
    for (;;) {
      const [row] = await tx`
        select count(*)::int as waiting from pg_locks as l
        where not l.granted and pg_backend_pid() = any (pg_blocking_pids(l.pid))`
      if (row?.['waiting'] > 0) return done
    }
  })
  if (!later) throw new Error('the second was never begun')
  return [said as First, await later]
}

const settledFrom = async (sql: Sql, leaseId: string) => {
  const [lease] = await sql`select settled::int, state from ledger.leases where id = ${leaseId}`
  return lease
}

const walletOf = async (sql: Sql) => {
  const [wallet] = await sql`
    select balance, day, day_spent, month, month_spent from ledger.wallets where id = ${wallet_id}`
  return wallet
}

describe('a payment made directly and promised from a lease at once', () => {
  it('is made once when the direct one is first', async ({ expect }) => {
    const { sql } = await openCrowd({ funds: '1000' })
    const [lease = ''] = await lend(sql)

    const [direct, batch] = await meet(
      sql,
      (tx) => ask(tx, payment('same')),
      () =>
        settle(sql, [
          promise(lease, 1, { requestId: 'same' }),
          promise(lease, 2, { requestId: 'b' }),
        ]),
    )

    expect(direct).toMatchObject({ outcome: 'payment', replayed: false })
    expect(batch).toEqual(['replayed', 'settled'])
    expect(await settledFrom(sql, lease)).toEqual({ settled: 10, state: 'open' })
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('is made once when the promised one is first', async ({ expect }) => {
    const { sql } = await openCrowd({ funds: '1000' })
    const [lease = ''] = await lend(sql)
    const before = await walletOf(sql)

    const [batch, direct] = await meet(
      sql,
      (tx) => settle(tx, [promise(lease, 1, { requestId: 'same' })]),
      () => ask(sql, payment('same')),
    )

    expect(batch).toEqual(['settled'])
    expect(direct).toMatchObject({ outcome: 'payment', replayed: true })
    expect(await walletOf(sql)).toEqual(before)
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('with other content is honoured as a payment of its own', async ({ expect }) => {
    const { sql } = await openCrowd({ funds: '1000' })
    const [lease = ''] = await lend(sql)

    const [, batch] = await meet(
      sql,
      (tx) => ask(tx, payment('same')),
      () => settle(sql, [promise(lease, 1, { requestId: 'same', endpoint: 1 })]),
    )

    expect(batch).toEqual(['honoured'])
    expect(await audit(sql)).toEqual(BALANCED)
  })
})

describe('batches at once', () => {
  it('settle a payment once, though two leases promised it, and never deadlock', async ({
    expect,
  }) => {
    const { sql } = await openCrowd({ funds: '10000' })
    const leases = await lend(sql, { regions: ['eu', 'us'], limit: '400' })
    const promised = (lease: string) =>
      times(20, (index) => promise(lease, index + 1, { requestId: `r${index}` }))
    const [eu = [], us = []] = leases.map(promised)

    const outcomes = await Promise.all(
      times(12, (n) => settle(sql, n % 2 === 0 ? eu : [...us].reverse())),
    )

    const words = outcomes.flat()
    expect(words.filter((word) => word === 'settled')).toHaveLength(20)
    expect(words.filter((word) => word === 'replayed')).toHaveLength(220)
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('of one lease never settle more than it holds', async ({ expect }) => {
    const { sql } = await openCrowd({ funds: '1000' })
    const [lease = ''] = await lend(sql, { limit: '50' })

    const outcomes = await Promise.all(
      times(8, (n) =>
        settle(
          sql,
          times(4, (m) => promise(lease, n * 4 + m + 1, { requestId: `r${n}-${m}` })),
        ),
      ),
    )

    const words = outcomes.flat()
    expect(words.filter((word) => word === 'settled')).toHaveLength(10)
    expect(words.filter((word) => word === 'lease_overdrawn')).toHaveLength(22)
    expect(await settledFrom(sql, lease)).toEqual({ settled: 100, state: 'revoked' })
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('go on beside direct payments, new leases, reclaims and roll-ups', async ({ expect }) => {
    const { sql } = await openCrowd({ funds: '100000' })
    const [lease = ''] = await lend(sql, { limit: '500' })
    const grant = (nonce: string) =>
      ask(sql, {
        name: 'grant_x402_lease',
        args: { wallet_id, region: 'us', nonce, wanted: '10', needed: '1' },
      })

    await Promise.all(
      times(60, (n) => {
        const requestId = `r${n % 25}`
        if (n % 6 === 0) return grant(`n${n}`)
        if (n % 6 === 1) return ask(sql, { name: 'reclaim_x402_leases', args: { most: 10 } })
        if (n % 6 === 2) return ask(sql, { name: 'roll_up_x402_credits', args: { most: 10 } })
        if (n % 6 === 3) return ask(sql, payment(requestId))
        return settle(sql, [promise(lease, n + 1, { requestId })])
      }),
    )

    expect(await audit(sql)).toEqual(BALANCED)
  })
})

describe('the end of a lease', () => {
  it.for(['grant', 'freeze'] as const)(
    'leaves no lease open on a frozen wallet when the %s is first',
    async (first, { expect }) => {
      const { sql } = await openCrowd({ funds: '1000' })
      await lend(sql)
      const args = { wallet_id, region: 'us', nonce: 'late', wanted: '50', needed: '1' }
      const calls = {
        grant: { name: 'grant_x402_lease', args },
        freeze: putWallet(0, 'frozen'),
      } as const
      const second = first === 'grant' ? 'freeze' : 'grant'

      await meet(
        sql,
        (tx) => ask(tx, calls[first]),
        () => ask(sql, calls[second]),
      )

      const [open] = await sql`select count(*)::int from ledger.leases where state = 'open'`
      expect(open).toEqual({ count: 0 })
      expect(await audit(sql)).toEqual(BALANCED)
    },
  )

  it.for(['settlement', 'reclaim'] as const)(
    'and a settlement are one after the other when the %s is first',
    async (first, { expect }) => {
      const { sql } = await openCrowd({ funds: '1000' })
      const [lease = ''] = await lend(sql)
      await moveLedgerClock(sql, 211_000)
      const asOf = Math.floor(Date.now() / 1000) + 200
      const note = { region: 'eu', shards: times(64, (shard) => shard), as_of: asOf }
      await ask(sql, { name: 'note_x402_drained', args: note })
      const steps = {
        settlement: (on: Pick<Sql, 'unsafe'>): Promise<unknown> =>
          settle(on, [promise(lease, 1, { requestId: 'a' })]),
        reclaim: (on: Pick<Sql, 'unsafe'>): Promise<unknown> =>
          ask(on, { name: 'reclaim_x402_leases', args: { most: 10 } }),
      }
      const second = first === 'settlement' ? 'reclaim' : 'settlement'

      const said = await meet(sql, steps[first], () => steps[second](sql))

      const reclaimed = { reclaimed: 1, stalled: 0 }
      expect(said).toEqual(
        first === 'settlement' ? [['settled'], reclaimed] : [reclaimed, ['lease_reclaimed']],
      )
      const [row] = await sql`select balance::int from ledger.wallets where id = ${wallet_id}`
      expect(row).toEqual({ balance: first === 'settlement' ? 990 : 1000 })
      expect(await audit(sql)).toEqual(BALANCED)
    },
  )
})
