import { describe, it } from 'vitest'
import { cast } from './model/cast.ts'
import { moveLedgerClock, replaceLedgerClock } from './support/ledger-clock.ts'
import { audit, BALANCED, openCrowd, tally, times } from './support/ledger-crowd.ts'
import { capture, expire, held } from './support/ledger-provider.ts'

const HOUR = 3_600_000

describe('a held payment, asked for by many at once', () => {
  it('is captured by one attempt, and the others learn by which', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })
    const paid = held('r1')
    await ask(paid)

    const answers = await Promise.all(times(40, (index) => ask(capture(paid, '10', `a${index}`))))

    expect(tally(answers)).toEqual({ captured: 1, 'refused duplicate_settlement': 39 })
    const first = new Set(answers.map((answer) => answer.payment?.capture?.attempt_id))
    expect(first.size).toBe(1)
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('is captured, in part or void, and the winner alone moves money', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '1000' })
    const all = times(30, (index) => held(`r${index}`))
    await Promise.all(all.map((paid) => ask(paid)))

    const answers = await Promise.all(
      all.flatMap((paid) => ['10', '4', '0'].map((amount) => ask(capture(paid, amount, null)))),
    )

    expect(tally(answers)).toEqual({ captured: 30, 'refused settle_conflict': 60 })
    expect(await audit(sql)).toEqual(BALANCED)
    const [sums] = await sql`
      select (select sum(c.captured)::int from ledger.captures as c) as captured,
        (select coalesce(sum(i.amount), 0)::int from ledger.credit_inbox as i) as credited,
        (select 1000 - w.balance::int from ledger.wallets as w where w.id = ${cast.wallets[0]}) as paid,
        (select w.day_spent::int from ledger.wallets as w where w.id = ${cast.wallets[0]}) as counted`
    expect(new Set(Object.values(sums ?? {})).size).toBe(1)
  })

  it('is captured or expires, never both', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '1000' })
    const all = times(40, (index) => held(`r${index}`))
    await Promise.all(all.map((paid) => ask(paid)))
    // Each reading is before or after the end of all holds: no order of events is left out.
    const over = `case when random() < 0.5 then interval '25 hours' else interval '1 hour' end`
    await replaceLedgerClock(sql, `clock_timestamp() + ${over}`)

    const rounds = all.map(async (paid, index) => {
      const answer = ask(capture(paid, index % 2 === 0 ? '10' : '3', 'a'))
      await ask(expire)
      return answer
    })
    const answers = await Promise.all(rounds)
    await moveLedgerClock(sql, 25 * HOUR)
    await ask(expire)

    const { captured = 0, 'refused hold_expired': late = 0 } = tally(answers)
    expect(captured + late).toBe(40)
    const states = await sql`select state, count(*)::int from ledger.payments group by 1`
    const count = Object.fromEntries(states.map((row) => [row['state'], row['count']]))
    expect([count['settled'] ?? 0, count['expired'] ?? 0]).toEqual([captured, late])
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('expires once, however many sweep', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '1000' })
    await Promise.all(times(60, (index) => ask(held(`r${index}`, { wallet: index % 2 ? 0 : 3 }))))
    await moveLedgerClock(sql, 25 * HOUR)

    const swept: unknown[] = await Promise.all(times(8, () => ask(expire)))

    const rest = await ask(expire)
    expect([...swept, rest].reduce((sum: number, it) => sum + Number(it), 0)).toBe(60)
    const wallets = await sql`
      select distinct balance::int from ledger.wallets where id in ${sql([cast.wallets[0], cast.wallets[3]])}`
    expect([...wallets]).toEqual([{ balance: 1000 }])
    expect(await audit(sql)).toEqual(BALANCED)
  })
})

describe('a hold whose time is over', () => {
  it('is refused to its provider, and told as expired, before any sweep', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })
    const paid = held('r1')
    await ask(paid)
    await moveLedgerClock(sql, 24 * HOUR + 1_000)

    const late = await ask(capture(paid, '10', 'a'))

    expect(late).toMatchObject({ outcome: 'refused', reason: 'hold_expired' })
    expect(late.payment).toMatchObject({ state: 'expired', redeemable: false })
    const [row] = await sql`select state from ledger.payments`
    expect(row).toEqual({ state: 'held' })
  })

  it('is swept past a wallet that is busy', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })
    await askAny(held('r1'))
    await askAny(held('r2', { wallet: 3 }))
    await moveLedgerClock(sql, 25 * HOUR)

    const swept = await sql.begin(async (tx) => {
      await tx`select from ledger.wallets where id = ${cast.wallets[0]} for update`
      return askAny(expire)
    })

    expect([swept, await askAny(expire)]).toEqual([1, 1])
  })
})
