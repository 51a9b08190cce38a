import * as z from 'zod'
import { AgentId, LeaseId, ProviderId, WalletId } from '../domain/ids.ts'
import type { Lease } from '../domain/lease.ts'
import { Amount, Currency } from '../domain/money.ts'
import type { Escrow, Promised, SettledBatch, Settling } from '../ports/leases.ts'
import type { Trips } from '../ports.ts'
import { type BatchRecord, batchRecord, batchRecordOf } from '../protocol/lease-record.ts'
import { caller, type LedgerAddress } from './postgrest-call.ts'

/** SQLSTATEs of a statement that would fail again: wrong data, broken rules, bugs. */
const POISON = /^(22|23|P0|XX)/

/** A call that came to nothing known. Poison: it would fail again, because of what was sent. */
export class EscrowFailure extends Error {
  readonly isPoison: boolean

  constructor(code: string) {
    super(`the ledger did not do it: ${code || 'no answer'}`)
    this.isPoison = POISON.test(code)
  }
}

const Terms = z.lazy(() =>
  z
    .object({
      lease_id: LeaseId,
      wallet_id: WalletId,
      agent_id: AgentId,
      region: z.string(),
      epoch: z.int(),
      limit: Amount,
      currency: Currency,
      policy_version: z.int(),
      payment_max: Amount,
      providers: z.array(ProviderId).nullable(),
      key_hashes: z.array(z.string()),
      thumbprints: z.array(z.string()).nullable(),
      day_seconds: z.int(),
    })
    .transform(
      (row): Lease => ({
        id: row.lease_id,
        walletId: row.wallet_id,
        agentId: row.agent_id,
        region: row.region,
        epoch: row.epoch,
        limit: row.limit,
        currency: row.currency,
        policyVersion: row.policy_version,
        paymentMax: row.payment_max,
        providers: row.providers ?? undefined,
        keyHashes: row.key_hashes,
        thumbprints: row.thumbprints ?? undefined,
        daySeconds: row.day_seconds,
      }),
    ),
)

/** What `api.grant_x402_lease` answers. */
const Granted = z.lazy(() =>
  z.union([
    z.object({ outcome: z.literal('granted'), lease: Terms }).transform(({ lease }) => ({ lease })),
    z
      .object({ outcome: z.literal('refused'), reason: z.string() })
      .transform(({ reason }) => ({ refused: reason })),
  ]),
)

/** What the two batch functions answer. */
const Batch = z.lazy(() =>
  z
    .object({
      as_of: z.int(),
      outcomes: z.array(
        z.union([
          z.object({ outcome: z.enum(['settled', 'replayed', 'honoured']) }),
          z.object({ outcome: z.literal('failed'), code: z.string() }),
        ]),
      ),
    })
    .transform((row): SettledBatch => ({ asOf: row.as_of, outcomes: row.outcomes })),
)

const Noted = z.lazy(() => z.object({ as_of: z.int() }))
const Reclaimed = z.lazy(() => z.object({ reclaimed: z.int(), stalled: z.int() }))

/** Calls the ledger by the role that drains; throws unless it answers as it should. */
function asker(address: LedgerAddress) {
  const call = caller(address)
  return async <Schema extends z.ZodType>(
    schema: Schema,
    name: string,
    { args, trips }: { args: Record<string, unknown>; trips?: Trips | undefined },
  ): Promise<z.output<Schema>> => {
    const called = await call(name, args, trips)
    if (!called.ok) throw new EscrowFailure(called.failed.code)
    return schema.parse(called.data)
  }
}

/** Settlement in the ledger of what any region promised. */
export function postgrestSettling(address: LedgerAddress): Settling {
  const ask = asker(address)
  const batch = async (name: string, promised: readonly Promised[], trips?: Trips) => {
    const args = { records: await Promise.all(promised.map(recordOf)) }
    const settled = await ask(Batch, name, { args, trips })
    if (settled.outcomes.length !== promised.length) throw new EscrowFailure('')
    return settled
  }
  return {
    settle: (promised, trips) => batch('settle_x402_batch', promised, trips),
    settleOverdrawn: (promised) => batch('settle_x402_overdrawn', promised),
  }
}

/** Escrow of one region in the ledger. */
export function postgrestEscrow(address: LedgerAddress & { region: string }): Escrow {
  const ask = asker(address)
  const { region } = address
  return {
    ...postgrestSettling(address),
    grant: ({ walletId, name, wanted, needed }) =>
      ask(Granted, 'grant_x402_lease', {
        args: {
          wallet_id: walletId,
          region,
          nonce: name,
          wanted: Amount.encode(wanted),
          needed: Amount.encode(needed),
        },
      }),
    async noteDrained(shards, asOf) {
      const args = { region, shards, as_of: asOf ?? null }
      return (await ask(Noted, 'note_x402_drained', { args })).as_of
    },
    reclaim: (most) => ask(Reclaimed, 'reclaim_x402_leases', { args: { most } }),
  }
}

/** A promise as the batch functions take it, from the stream's record or from the proof. */
async function recordOf(promised: Promised): Promise<BatchRecord> {
  if (!('jti' in promised)) return batchRecord(promised)
  const record = batchRecordOf(promised)
  if (!record) throw new TypeError('only the proof of a promise can be settled')
  return record
}
