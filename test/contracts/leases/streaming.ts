import { it } from 'vitest'
import { type LeaseRegion, SHARD } from './region.ts'

const STREAM = `payos:test:eu:stream:${SHARD}`

/** How promises wait until they are settled. */
export function streaming(region: () => LeaseRegion) {
  keeping(region)
  meetingPoison(region)
}

function keeping(region: () => LeaseRegion) {
  it('keeps promises in order until they are acknowledged', async ({ expect }) => {
    const { store } = region()
    await region().lend()
    for (const requestId of ['a', 'b', 'c']) await region().reserve({ requestId })

    const first = await store.read(SHARD, 2)
    await store.acknowledge(
      SHARD,
      first.records.map(({ entry }) => entry),
    )
    await store.acknowledge(
      SHARD,
      first.records.map(({ entry }) => entry),
    )
    const rest = await store.read(SHARD, 200)

    const names = (read: typeof rest) => read.records.map((it) => it.reservation?.requestId)
    expect([first.waiting, names(first)]).toEqual([3, ['a', 'b']])
    expect([rest.waiting, names(rest)]).toEqual([1, ['c']])
  })

  it('counts what waits, among all shards', async ({ expect }) => {
    await region().lend()
    await region().reserve({ requestId: 'a' })
    await region().reserve({ requestId: 'b' })

    const waiting = await region().store.survey()

    expect(waiting).toHaveLength(64)
    expect(waiting.flatMap(({ count }, shard) => (count > 0 ? [[shard, count]] : []))).toEqual([
      [SHARD, 2],
    ])
    expect(waiting.filter(({ count }) => count === 0).map(({ since }) => since)).toEqual(
      Array.from({ length: 63 }, () => undefined),
    )
  })
}

function meetingPoison(region: () => LeaseRegion) {
  it.for([
    ['record', 'no record at all'],
    ['record', '2\nof\na\nlater\nversion'],
    ['other', 'field'],
  ])('hands over what it cannot read (%s: %s), and what follows', async (field, { expect }) => {
    const { redis, store } = region()
    await redis.command('XADD', STREAM, '*', ...field)
    await region().lend()
    await region().reserve({ requestId: 'a' })

    const { records } = await store.read(SHARD, 10)

    expect(records.map((it) => it.reservation?.requestId)).toEqual([undefined, 'a'])
  })

  it('moves a record aside once, whole', async ({ expect }) => {
    const { redis, store } = region()
    const entry = String(await redis.command('XADD', STREAM, '*', 'record', 'poison'))

    const moved = [
      await store.quarantine(SHARD, { entry, reason: 'malformed' }),
      await store.quarantine(SHARD, { entry, reason: 'malformed' }),
    ]

    expect(moved).toEqual([true, false])
    expect(await store.read(SHARD, 10)).toEqual({ waiting: 0, records: [] })
    const kept = await redis.command('XRANGE', 'payos:test:eu:quarantine:all', '-', '+')
    expect(kept).toEqual([
      [
        expect.any(String),
        ['shard', STREAM, 'entry', entry, 'reason', 'malformed', 'record', 'poison'],
      ],
    ])
  })
}
