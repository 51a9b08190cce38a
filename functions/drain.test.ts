import { describe, it } from 'vitest'
import type { Reservation } from '../shared/domain/lease.ts'
import type { Escrow, LeaseStore, StreamRecord } from '../shared/ports/leases.ts'
import { drainShard, sweepShards } from './drain.ts'

const SHARD = 7

/**
 * A shard in which a record comes with each pass of a drain, for as long as it is `busy`; the ledger's
 * clock goes on by a second with each call. `noted`: the times through which shards were drained.
 */
function shardOf({ busy, records = 1 }: { busy: boolean; records?: number }) {
  let now = 1_000
  let made = 0
  const stream: { entry: string; at: number }[] = []
  const noted: number[] = []
  const promise = () => stream.push({ entry: `${++made}`, at: now })
  for (let at = 0; at < records; at++) promise()
  const leases: Partial<LeaseStore> = {
    region: 'south',
    read: async (_, most) => ({
      waiting: stream.length,
      records: stream
        .slice(0, most)
        .map(({ entry }): StreamRecord => ({ entry, reservation: {} as Reservation })),
    }),
    acknowledge: async (_, entries) => {
      for (const entry of entries) stream.splice(0, stream[0]?.entry === entry ? 1 : 0)
    },
    survey: async () =>
      Array.from({ length: 64 }, (_, shard) => {
        const count = shard % 2 === 1 ? stream.length : 0
        return { count, since: count > 0 ? 900 : undefined }
      }),
  }
  const escrow: Partial<Escrow> = {
    async settle(promised) {
      const asOf = now++
      if (busy) promise()
      return { asOf, outcomes: promised.map(() => ({ outcome: 'settled' as const })) }
    },
    async noteDrained(shards, asOf) {
      if (asOf !== undefined && shards.includes(SHARD)) noted.push(asOf)
      return now++
    },
  }
  const deps = { leases: leases as LeaseStore, escrow: escrow as Escrow }
  return { deps, noted, oldest: () => stream[0]?.at ?? now, escrow }
}

describe('a drain', () => {
  it('notes how far it came, though promises never stop coming', async ({ expect }) => {
    const { deps, noted, oldest } = shardOf({ busy: true })

    await drainShard(deps, SHARD)

    expect(noted).toHaveLength(1)
    expect(noted[0]).toBeGreaterThan(1_010)
    expect(noted[0]).toBeLessThanOrEqual(oldest())
  })

  it('notes nothing that was promised after it looked', async ({ expect }) => {
    const { deps, noted } = shardOf({ busy: false })

    await drainShard(deps, SHARD)

    expect(noted).toEqual([1_000])
  })

  it('notes nothing while it leaves records behind', async ({ expect }) => {
    const { deps, noted } = shardOf({ busy: false, records: 4_001 })

    const { settled, waiting } = await drainShard(deps, SHARD)

    expect([settled, waiting, noted]).toEqual([4_000, 1, []])
  })
})

describe('a sweep', () => {
  it('begins elsewhere each minute, so that the shards that fail are not always first', async ({
    expect,
  }) => {
    const { deps, escrow } = shardOf({ busy: false })
    const read: number[] = []
    deps.leases.read = async (shard) => {
      read.push(shard)
      throw new Error('this shard fails')
    }

    for (const minute of [0, 1, 2]) {
      escrow.noteDrained = async () => minute * 60
      const { failures } = await sweepShards(deps)
      expect(failures).toHaveLength(3)
    }

    expect(read).toEqual([1, 3, 5, 3, 5, 7, 5, 7, 9])
  })

  it('says since when the oldest record waits, and which shards still hold some', async ({
    expect,
  }) => {
    const { deps } = shardOf({ busy: false, records: 4_001 })

    const { since, left } = await sweepShards(deps)

    expect([since, left.length]).toEqual([900, 1])
  })
})
