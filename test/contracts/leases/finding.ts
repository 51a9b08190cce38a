import { it } from 'vitest'
import { type LeaseRegion, WALLET } from './region.ts'

const REQUEST = `payos:test:eu:request:${WALLET}:a`

/** Looking a promise up by the two names it is kept under, where absent and unanswered differ. */
export function finding(region: () => LeaseRegion) {
  const byBothNames = async () => [
    await region().find({ requestId: 'a' }),
    await region().findRequest('a'),
  ]
  const bothSay = (kind: string) => [{ kind }, { kind }]

  /** A promise, and the key of its record. */
  async function promise() {
    await region().lend()
    const made = await region().reserve({ requestId: 'a' })
    if (made.kind !== 'reserved') throw new Error(made.kind)
    const { reservation } = made
    return { reservation, record: `payos:test:eu:payment:${reservation.paymentId}` }
  }

  it('is found by its id and by its request id', async ({ expect }) => {
    const { reservation } = await promise()

    const found = { kind: 'found', reservation }
    expect(await byBothNames()).toEqual([found, found])
  })

  it('is absent when it was never made, or is forgotten', async ({ expect }) => {
    const never = await byBothNames()
    const { record } = await promise()
    await region().redis.command('DEL', record, REQUEST)

    expect([never, await byBothNames()]).toEqual([bothSay('absent'), bothSay('absent')])
  })

  it('is not absent by its request id while that is remembered', async ({ expect }) => {
    const { record } = await promise()
    await region().redis.command('DEL', record)

    expect(await byBothNames()).toEqual([{ kind: 'absent' }, { kind: 'unanswered' }])
  })

  it('is not absent when its record cannot be read', async ({ expect }) => {
    const { record } = await promise()
    await region().redis.command('SET', record, 'of another version')

    expect(await byBothNames()).toEqual(bothSay('unanswered'))
  })

  it('is not absent while Redis fails, nor while it is left alone', async ({ expect }) => {
    await promise()
    region().redis.faults.add({ match: 'GET', times: 0, effect: { kind: 'drop' } })
    await byBothNames()
    await byBothNames()
    region().redis.faults.clear()

    expect(await byBothNames()).toEqual(bothSay('unanswered'))
  })
}
