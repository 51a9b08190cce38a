import { describe, it } from 'vitest'
import { at, cast, putAgent, putPolicy, putSigner, putWallet } from './model/cast.ts'
import type { Call } from './model/ledger.ts'
import { replaceLedgerClock } from './support/ledger-clock.ts'
import {
  ask,
  audit,
  BALANCED,
  NO_LIMITS,
  openCrowd,
  payment,
  tally,
  times,
  untilBlocked,
} from './support/ledger-crowd.ts'

const [first] = cast.wallets

describe('many payments at once from one wallet', () => {
  it.for([
    { what: 'its funds', limits: NO_LIMITS, settled: 10, refused: 'funds_insufficient' },
    {
      what: 'its day',
      limits: { ...NO_LIMITS, day: '79' },
      settled: 7,
      refused: 'policy_refused day_max',
    },
    {
      what: 'its month',
      limits: { ...NO_LIMITS, month: '79' },
      settled: 7,
      refused: 'policy_refused month_max',
    },
  ])('never spend more than $what', async ({ limits, settled, refused }, { expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100', limits })

    const answers = await Promise.all(times(100, (index) => ask(payment(`r${index}`))))

    expect(tally(answers)).toEqual({ payment: settled, [refused]: 100 - settled })
    const [wallet] = await sql`
      select balance::int, day_spent::int as day, month_spent::int as month
      from ledger.wallets where id = ${first}`
    const spent = settled * 10
    expect(wallet).toEqual({ balance: 100 - spent, day: spent, month: spent })
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('are one payment when they ask for the same', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '100' })

    const answers = await Promise.all(times(50, () => ask(payment('same'))))

    expect(tally(answers)).toEqual({ payment: 1, 'payment again': 49 })
    expect(new Set(answers.map((answer) => answer.payment?.payment_id)).size).toBe(1)
    const [moved] = await sql`
      select (select count(*)::int from ledger.payments) as payments,
        (select count(*)::int from ledger.credit_inbox) as credits,
        (select balance::int from ledger.wallets where id = ${first}) as balance`
    expect(moved).toEqual({ payments: 1, credits: 1, balance: 90 })
  })

  it('settle one content of a request, whichever comes first', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '1000' })

    const answers = await Promise.all(
      times(50, (index) => ask(payment('same', { endpoint: index % 2 === 0 ? 0 : 4 }))),
    )

    expect(tally(answers)).toEqual({ payment: 1, 'payment again': 24, payment_conflict: 25 })
    expect(await audit(sql)).toEqual(BALANCED)
  })

  it('do not wait for those from another wallet', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })

    const answer = await sql.begin(async (tx) => {
      await ask(tx, payment('held-up'))
      return askAny(payment('other', { wallet: 3 }))
    })

    expect(answer.outcome).toBe('payment')
  })
})

describe('a payment that waits for its wallet', () => {
  it.for([
    {
      what: 'the policy that was set',
      change: putPolicy(0, { ...NO_LIMITS, payment: '9' }),
      refused: 'policy_refused payment_max',
    },
    {
      what: 'the standing of its agent that was set',
      change: putAgent(0, 'suspended'),
      refused: 'policy_refused agent_suspended',
    },
    {
      what: 'the status of the wallet that was set',
      change: putWallet(0, 'frozen'),
      refused: 'policy_refused wallet_frozen',
    },
    {
      what: 'the signer that was registered',
      change: putSigner(0, 0, false),
      refused: 'signature_required',
    },
  ])('is judged by $what meanwhile', async ({ change, refused }, { expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })

    const waiting = await sql.begin(async (tx) => {
      await ask(tx, change)
      const answer = askAny(payment('r1'))
      await untilBlocked(sql)
      return { answer }
    })

    expect(tally([await waiting.answer])).toEqual({ [refused]: 1 })
  })

  it('is the same payment when that came first', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })

    const { before, answer } = await sql.begin(async (tx) => {
      const before = await ask(tx, payment('r1'))
      const answer = askAny(payment('r1'))
      await untilBlocked(sql)
      return { before, answer: { late: answer } }
    })

    const late = await answer.late
    expect(tally([before, late])).toEqual({ payment: 1, 'payment again': 1 })
  })

  it('counts on the day on which it gets through', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({
      funds: '100',
      limits: { ...NO_LIMITS, day: '10' },
    })
    await sql`create table public.instants (at timestamptz)`
    await sql`insert into public.instants values ('2099-12-31T23:59:59.999Z')`
    await replaceLedgerClock(sql, '(select max(at) from public.instants)')

    const { late } = await sql.begin(async (tx) => {
      await ask(tx, payment('last'))
      const answer = askAny(payment('next'))
      await untilBlocked(sql)
      await sql`insert into public.instants values ('2100-01-01T00:00:00.000Z')`
      return { late: { answer } }
    })

    expect(await late.answer).toMatchObject({ outcome: 'payment' })
    const [wallet] = await sql`
      select day::text, day_spent::int as spent, month::text, month_spent::int as monthly
      from ledger.wallets where id = ${first}`
    expect(wallet).toEqual({ day: '2100-01-01', spent: 10, month: '2100-01-01', monthly: 10 })
  })

  it('gives up after a second, and nothing has moved', async ({ expect }) => {
    const { sql, ask: askAny } = await openCrowd({ funds: '100' })

    const error = await sql.begin(async (tx) => {
      await tx`select from ledger.wallets where id = ${first} for update`
      return askAny(payment('r1')).catch((cause: unknown) => cause)
    })

    expect(error).toMatchObject({ code: '55P03' })
    const payments = await sql`select from ledger.payments`
    expect(payments).toHaveLength(0)
  })
})

describe('a policy changed under fire', () => {
  it('holds for every payment made after it', async ({ expect }) => {
    const { sql, ask } = await openCrowd({ funds: '10000' })

    const early = times(60, (index) => ask(payment(`early${index}`)))
    await Promise.race(early)
    await ask(putPolicy(0, { ...NO_LIMITS, payment: '9' }))
    const late = await Promise.all(times(40, (index) => ask(payment(`late${index}`))))

    const settled = tally(await Promise.all(early))['payment'] ?? 0
    expect(tally(late)).toEqual({ 'policy_refused payment_max': 40 })
    const [wallet] = await sql`select balance::int from ledger.wallets where id = ${first}`
    expect(wallet).toEqual({ balance: 10_000 - 10 * settled })
    expect(await audit(sql)).toEqual(BALANCED)
  })
})

describe('the first use of a proof', () => {
  it('goes to one of fifty attempts', async ({ expect }) => {
    const { ask } = await openCrowd({ funds: '100' })
    const paid = payment('r1')
    await ask(paid)

    const answers = await Promise.all(times(50, (index) => ask(consume(paid, `a${index}`))))

    expect(tally(answers)).toEqual({ checked: 1, 'checked proof_already_used': 49 })
  })
})

function consume(paid: ReturnType<typeof payment>, attempt: string): Call {
  const key = at(cast.providerKeys, 0)
  const { payment_id, endpoint_id } = paid.args
  const asked = { payment_id, endpoint_id, audience: at(cast.providers, 0), minimum: null }
  return {
    name: 'check_x402_proof',
    args: { key_id: key.id, key_hash: key.hash, ...asked, action: 'consume', attempt_id: attempt },
  }
}
