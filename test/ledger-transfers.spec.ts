import { describe, it } from 'vitest'
import { at, cast, endpoints } from './model/cast.ts'
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
} from './support/ledger-crowd.ts'

describe('transfers', () => {
  it('happen once, however many bring the same one', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })
    const deposit: Call = {
      name: 'deposit_x402_funds',
      args: { transfer_id: at(cast.transfers, 0), wallet_id: at(cast.wallets, 0), amount: '7' },
    }

    const answers: unknown[] = await Promise.all(times(20, () => ask(deposit)))

    expect(new Set(answers)).toEqual(new Set(['107']))
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('are not held up by a roll-up of others', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })
    await askAny(payment('r1', { endpoint: 0 }))
    await askAny(payment('r2', { endpoint: 1 }))

    const meanwhile: unknown[] = []
    await sql.begin(async (tx) => {
      await ask(tx, rollUp(1))
      meanwhile.push(await askAny(rollUp(10)), await askAny(payment('r3', { endpoint: 0 })))
    })

    expect(meanwhile).toMatchObject([1, { outcome: 'payment' }])
  })

  it('race with payments and roll-ups, and the books balance', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100000' })
    const routes = [
      ...[0, 1, 4].flatMap((endpoint) => [0, 2, 3].map((wallet) => ({ wallet, endpoint }))),
      { wallet: 1, endpoint: 2 },
    ]
    let paying = true
    const whilePaying = async (call: (round: number) => Call) => {
      const raised: string[] = []
      for (let round = 0; paying; round++) {
        await ask(call(round)).catch(({ code }: { code: string }) => raised.push(code))
      }
      return raised
    }

    const others = [
      ...times(4, (index) => whilePaying(() => rollUp(1 + index * 2))),
      ...times(4, (index) => whilePaying((round) => payOut(index, round))),
    ]
    const answers: Said[] = []
    for (let round = 0; round < 12; round++) {
      const crowd = routes.flatMap((route, index) =>
        times(4, (copy) => ask(payment(`r${round}-${index}-${copy}`, route))),
      )
      answers.push(...(await Promise.all(crowd)))
    }
    paying = false
    const raised = (await Promise.all(others)).flat()

    expect(tally(answers)).toEqual({ payment: 480 })
    expect(new Set(raised)).toEqual(new Set(['PT402']))
    expect(await audit(sql)).toEqual(BALANCED)
    await ask(rollUp(10_000))
    const stats = await sql`
      select endpoint_id as id, payments::int, volume::int from ledger.endpoint_stats order by id`
    expect([...stats]).toEqual(
      [0, 1, 2, 4].map((endpoint) => {
        const payments = endpoint === 2 ? 48 : 144
        const volume = payments * Number(at(endpoints, endpoint).price)
        return { id: at(cast.endpoints, endpoint), payments, volume }
      }),
    )
    expect(await audit(sql)).toEqual(BALANCED)
  })
})

const rollUp = (most: number): Call => ({ name: 'roll_up_x402_credits', args: { most } })

/** A few units for one of the two providers, in one of the two currencies; sometimes too many. */
const payOut = (index: number, round: number): Call => ({
  name: 'pay_out_x402_earnings',
  args: {
    transfer_id: `c0000000-0000-4000-8000-${String(index * 1_000_000 + round).padStart(12, '0')}`,
    provider_id: at(cast.providers, index % 2),
    currency: index < 3 ? 'USDC' : 'EURC',
    amount: String(5 + round),
  },
})
