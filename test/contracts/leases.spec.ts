import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { type RedisStandIn, startRedis } from '../../local/stand-ins/redis/index.ts'
import { finding } from './leases/finding.ts'
import { installing } from './leases/installing.ts'
import { LeaseRegion } from './leases/region.ts'
import { reserving } from './leases/reserving.ts'
import { streaming } from './leases/streaming.ts'
import { findRealServer, startRealServer } from './redis/real-server.ts'

const TOKEN = 'lease-token'

type Started = { redis: RedisStandIn; stop: () => Promise<void> }

const inMemory = async (): Promise<Started> => {
  const redis = await startRedis({ token: TOKEN })
  return { redis, stop: redis.stop }
}

const real = findRealServer()
const beforeReal = (server: NonNullable<typeof real>) => async (): Promise<Started> => {
  const started = await startRealServer(server)
  const redis = await startRedis({ token: TOKEN, redisUrl: started.url })
  return {
    redis,
    stop: async () => {
      await redis.stop()
      await started.stop()
    },
  }
}

describe(`leases in Redis (real server: ${real?.version ?? 'none on this machine'})`, () => {
  contract('the stand-in in memory', inMemory)
  if (real) contract(`the stand-in before ${real.program}`, beforeReal(real))
})

/** The one contract both keep: the same scripts come to the same results. */
function contract(title: string, start: () => Promise<Started>) {
  describe(title, () => {
    let started: Started
    let region: LeaseRegion
    beforeAll(async () => {
      started = await start()
    })
    afterAll(() => started.stop())
    beforeEach(async () => {
      await started.redis.reset()
      region = new LeaseRegion(started.redis)
    })

    describe('a lease', () => installing(() => region))
    describe('a reservation', () => reserving(() => region))
    describe('a reservation that is asked for', () => finding(() => region))
    describe('a shard', () => streaming(() => region))

    it('answers unknown, and then nothing at all, while Redis fails', async ({ expect }) => {
      await region.lend()
      started.redis.faults.add({ match: 'EVAL', when: 'after', effect: { kind: 'drop' }, times: 3 })

      const answers: string[] = []
      for (const requestId of ['a', 'b', 'c', 'd']) {
        answers.push((await region.reserve({ requestId })).kind)
      }

      expect(answers).toEqual(['unknown', 'unknown', 'unknown', 'declined'])
    })
  })
}
