import { describe, it } from 'vitest'
import { drainShard } from '../functions/drain.ts'
import type { StreamRecord } from '../shared/ports/leases.ts'

type Deps = Parameters<typeof drainShard>[0]

/** A shard of so many records nobody can read, of which a pass reads one; and what is noted of it. */
function shardOf(count: number) {
  const records: StreamRecord[] = Array.from({ length: count }, (_, at) => ({
    ...{ entry: `${at}`, reservation: undefined },
  }))
  const noted: (number | undefined)[] = []
  const leases = {
    read: async () => ({ waiting: records.length, records: records.slice(0, 1) }),
    quarantine: async () => records.shift() !== undefined,
    acknowledge: async () => undefined,
  }
  const escrow = {
    noteDrained: async (_: readonly number[], asOf: number | undefined) => {
      noted.push(asOf)
      return 0
    },
  }
  return { deps: { leases, escrow } as unknown as Deps, noted }
}

describe('a shard', () => {
  it('that was seen empty is noted as drained, as of before it was read', async ({ expect }) => {
    const { deps, noted } = shardOf(3)

    expect(await drainShard(deps, 7, 1_000)).toMatchObject({ setAside: 3, waiting: 0 })
    expect(noted).toEqual([1_000])
  })

  it('that holds more than one call settles is not noted as drained', async ({ expect }) => {
    const { deps, noted } = shardOf(25)

    expect(await drainShard(deps, 7, 1_000)).toMatchObject({ waiting: 5 })
    expect(noted).toEqual([])
  })
})
