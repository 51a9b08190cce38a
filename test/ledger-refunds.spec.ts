import { describe, it } from 'vitest'
import { at, cast } from './model/cast.ts'
import type { Call } from './model/ledger.ts'
import {
  ask,
  audit,
  BALANCED,
  openCrowd,
  payment,
  type Said,
  tally,
  times,
  untilBlocked,
} from './support/ledger-crowd.ts'
import { capture, held, redeem, refund } from './support/ledger-provider.ts'

describe('refunds at once', () => {
  it('never give back more than was captured', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })
    const paid = held('r1')
    await ask(paid)
    await ask(capture(paid, '7', null))

    const answers = await Promise.all(times(30, (index) => ask(refund(paid, '2', `f${index}`))))

    expect(tally(answers)).toEqual({ refunded: 3, 'refused refund_too_high': 27 })
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('are one under one id', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })
    const paid = payment('r1')
    await ask(paid)

    const answers = await Promise.all(times(30, () => ask(refund(paid, '10', 'same'))))

    expect(tally(answers)).toEqual({ refunded: 30 })
    const [wallet] =
      await sql`select balance::int from ledger.wallets where id = ${cast.wallets[0]}`
    expect(wallet).toEqual({ balance: 100 })
  })

  it('race with payouts, and earnings are never below zero', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '1000' })
    const all = times(20, (index) => payment(`r${index}`))
    await Promise.all(all.map((paid) => ask(paid)))
    const payOut = (index: number): Call => ({
      name: 'pay_out_x402_earnings',
      args: {
        transfer_id: `c0000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
        provider_id: at(cast.providers, 0),
        currency: 'USDC',
        amount: '10',
      },
    })

    const answers = await Promise.all(
      all.flatMap((paid, index) => [
        ask(refund(paid, '10', 'f')),
        ask(payOut(index)).catch(({ code }: { code: string }): Said => ({ outcome: code })),
      ]),
    )

    const { refunded = 0, 'refused earnings_insufficient': unfunded = 0 } = tally(
      answers.filter((answer) => answer?.outcome !== undefined),
    )
    expect(refunded + unfunded).toBe(20)
    expect(await audit(sql)).toEqual(BALANCED)
  })
})

describe('the first use of a proof and its end', () => {
  it('is not given back while a refund is under way, nor after it', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })
    const paid = payment('r1')
    await askAny(paid)
    await askAny(redeem(paid, 'consume', 'a'))

    const { released } = await sql.begin(async (tx) => {
      await ask(tx, refund(paid, '10', 'f'))
      const released = askAny(redeem(paid, 'release', 'a'))
      await untilBlocked(sql)
      return { released: { answer: released } }
    })

    expect(await released.answer).toMatchObject({ reason: 'payment_refunded' })
    const claims = await sql`select from ledger.redemptions`
    expect(claims).toHaveLength(1)
  })

  it('goes to one attempt, of those that capture and those that consume', async ({ expect }) => {
    const { ask } = await openCrowd({ funds: '1000' })

    for (const round of times(10, (index) => index)) {
      const paid = held(`r${round}`)
      await ask(paid)
      const answers = await Promise.all(
        times(8, (index) =>
          index % 2 === 0
            ? ask(capture(paid, '10', `a${index}`))
            : ask(redeem(paid, 'consume', `a${index}`)),
        ),
      )
      const won = answers.filter(({ outcome, reason }) => outcome !== 'refused' && !reason)
      expect(won).toHaveLength(1)
    }
  })

  it('is used up by a capture, and not given back after it', async ({ expect }) => {
    const { ask } = await openCrowd({ funds: '100' })
    const paid = held('r1')
    await ask(paid)
    await ask(redeem(paid, 'consume', 'a'))

    const answers = [
      await ask(capture(paid, '10', 'b')),
      await ask(capture(paid, '10', 'a')),
      await ask(redeem(paid, 'release', 'a')),
      await ask(redeem(paid, 'consume', 'b')),
    ]

    expect(answers.map(({ reason }) => reason ?? null)).toEqual([
      'duplicate_settlement',
      null,
      'proof_already_used',
      'proof_already_used',
    ])
  })
})
