import fc from 'fast-check'
import { describe, it, onTestFinished } from 'vitest'
import { type Call, conservation, type State } from './model/ledger.ts'
import { versionAt } from './model/prices.ts'
import { tell } from './model/tell.ts'
import { world } from './model/world.ts'
import { shareLedgerClock } from './support/ledger-clock.ts'
import { DIGEST, digest } from './support/ledger-digest.ts'
import { prepareReplay, replay } from './support/ledger-replay.ts'
import { dispute, live } from './support/ledger-story.ts'
import { openDatabase } from './support/postgres.ts'

const WORLDS = 1_500
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

/** Everything the ledger can say: a run that never hears one of these has proved too little. */
const SAYINGS = [
  ...['settled', 'settled in part', 'voided'].map((how) => `capture_x402_payment captured ${how}`),
  ...['duplicate_settlement', 'hold_expired', 'payment_refunded', 'settle_conflict'].map(
    (reason) => `capture_x402_payment refused ${reason}`,
  ),
  'refund_x402_payment refunded',
  ...[
    ...['earnings_insufficient', 'payment_expired', 'payment_held', 'payment_voided'],
    ...['refund_conflict', 'refund_too_high'],
  ].map((reason) => `refund_x402_payment refused ${reason}`),
  ...['capture_x402_payment', 'refund_x402_payment'].flatMap((name) => [
    ...['23514', 'key_invalid', 'key_revoked'].map((end) => `${name} ${end}`),
    `${name} refused unauthorized_server`,
  ]),
  ...['expire_x402_holds none', 'expire_x402_holds some', 'list_x402_endpoints'],
  ...['', ' 23503', ' 23514'].map((end) => `put_x402_endpoint_terms${end}`),
  ...['announce_x402_price', 'announce_x402_price 22023', 'announce_x402_price 23502'],
  ...['check', 'consume', 'release'].flatMap((action) => [
    `check_x402_proof ${action} checked`,
    `check_x402_proof ${action} checked proof_amount_low`,
    `check_x402_proof ${action} checked proof_wrong_audience`,
    `check_x402_proof ${action} checked proof_wrong_endpoint`,
    `check_x402_proof ${action} checked payment_expired`,
    `check_x402_proof ${action} checked payment_refunded`,
    `check_x402_proof ${action} checked payment_voided`,
    `check_x402_proof ${action} key_invalid`,
    `check_x402_proof ${action} key_revoked`,
    `check_x402_proof ${action} not_found`,
  ]),
  'check_x402_proof consume checked proof_already_used',
  'check_x402_proof release checked proof_already_used',
  ...['', ' 23502', ' 23505', ' 23514'].map((end) => `deposit_x402_funds${end}`),
  'get_x402_endpoint',
  ...['agent', 'provider'].flatMap((kind) => [
    `get_x402_payment ${kind} key_invalid`,
    `get_x402_payment ${kind} key_revoked`,
    `get_x402_payment ${kind} not_found`,
    `get_x402_payment ${kind} payment`,
  ]),
  'get_x402_totals',
  ...['', ' 23505', ' 23514', ' PT402'].map((end) => `pay_out_x402_earnings${end}`),
  ...['put_x402_agent', 'put_x402_agent 23505'],
  ...['put_x402_endpoint', 'put_x402_endpoint 23505'],
  ...['put_x402_key', 'put_x402_key 23505'],
  ...['put_x402_owner', 'put_x402_policy', 'put_x402_provider', 'put_x402_signer'],
  ...['put_x402_wallet', 'put_x402_wallet 23505'],
  ...['revoke_x402_key', 'revoke_x402_key 22023', 'roll_up_x402_credits'],
  'settle_x402_payment 22023',
  'settle_x402_payment currency_mismatch',
  'settle_x402_payment endpoint_inactive',
  'settle_x402_payment funds_insufficient',
  'settle_x402_payment key_invalid',
  'settle_x402_payment key_revoked',
  'settle_x402_payment not_found',
  'settle_x402_payment nothing_to_pay',
  'settle_x402_payment payment again',
  'settle_x402_payment payment in grace',
  'settle_x402_payment payment new',
  'settle_x402_payment payment_conflict',
  'settle_x402_payment policy_refused agent_suspended',
  'settle_x402_payment policy_refused day_max',
  'settle_x402_payment policy_refused month_max',
  'settle_x402_payment policy_refused no_policy',
  'settle_x402_payment policy_refused payment_max',
  'settle_x402_payment policy_refused provider',
  'settle_x402_payment policy_refused wallet_frozen',
  'settle_x402_payment price_changed',
  'settle_x402_payment resource_mismatch',
  'settle_x402_payment signature_invalid',
  'settle_x402_payment signature_required',
]

/** What was heard, short: the function, its outcome, and the rule or reason behind it. */
function saying(call: Call, said: unknown, ledger: State): string {
  const heard = (said ?? {}) as Record<string, unknown>
  const words = [call.name, heard['raised'], heard['outcome'], heard['rule'], heard['reason']]
  if (call.name === 'check_x402_proof') words.splice(1, 0, call.args.action)
  if (call.name === 'get_x402_payment') words.splice(1, 0, call.args.key_kind)
  if (call.name === 'expire_x402_holds') words.push(said === 0 ? 'none' : 'some')
  if (call.name === 'capture_x402_payment') words.push(...howCaptured(heard))
  if (heard['replayed'] === true) words.push('again')
  if (heard['replayed'] === false) words.push(isAtCurrentPrice(call, ledger) ? 'new' : 'in grace')
  return words.filter((word) => word !== undefined && word !== null).join(' ')
}

/** Of a capture: what became of the payment, and whether something went back. */
function howCaptured({ outcome, payment }: Record<string, unknown>): unknown[] {
  const told = payment as { state: string; capture: { released: string } } | null | undefined
  if (outcome !== 'captured' || !told) return []
  return [told.state, told.state === 'settled' && told.capture.released !== '0' ? 'in part' : null]
}

function isAtCurrentPrice(call: Call, ledger: State): boolean {
  if (call.name !== 'settle_x402_payment') return false
  const endpoint = ledger.endpoints.get(call.args.endpoint_id)
  const version = ledger.payments.get(call.args.payment_id)?.priceVersion
  return endpoint !== undefined && versionAt(endpoint, ledger.now) === version
}

describe('the ledger and its model', () => {
  it(`agree in ${WORLDS} random worlds (FC_SEED=${seed})`, { timeout: 240_000 }, async ({
    expect,
  }) => {
    const database = await openDatabase()
    const session = await database.sql.reserve()
    onTestFinished(async () => {
      session.release()
      await database.close()
    })
    await shareLedgerClock(database.sql)
    await prepareReplay(session)
    const sayings = new Set<string>()

    await fc.assert(
      fc.asyncProperty(world, async (it) => {
        const story = live(it, tell, (...heard) => sayings.add(saying(...heard)))
        expect(conservation(story.ledger)).toEqual([])

        const { steps } = story
        const told = await replay(session, { steps, timeZone: it.timeZone, closing: DIGEST })

        const quarrel = dispute(story, told.answers)
        if (quarrel) throw new Error(quarrel)
        expect(told.end).toEqual(digest(story.ledger))
      }),
      { seed, numRuns: WORLDS },
    )

    expect([...sayings].sort()).toEqual(SAYINGS.sort())
  })
})
