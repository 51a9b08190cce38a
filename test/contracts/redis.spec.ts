import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { type RedisStandIn, startRedis } from '../../local/stand-ins/redis/index.ts'
import { type Case, isFailure, wordsOf } from './redis/case.ts'
import { clientContract } from './redis/client.ts'
import { collections } from './redis/collections.ts'
import { findRealServer, startRealServer } from './redis/real-server.ts'
import { scriptCalls } from './redis/script-calls.ts'
import { scripts } from './redis/scripts.ts'
import { streams } from './redis/streams.ts'
import { values } from './redis/values.ts'
import { call, wireContract } from './redis/wire.ts'

const TOKEN = 'contract-token'

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

describe(`Redis over REST (real server: ${real?.version ?? 'none on this machine'})`, () => {
  contract('the stand-in in memory', inMemory)
  if (real) contract(`the stand-in before ${real.program}`, beforeReal(real))
})

/** The one contract both keep. */
function contract(title: string, start: () => Promise<Started>) {
  describe(title, () => {
    let started: Started
    beforeAll(async () => {
      started = await start()
    })
    afterAll(() => started.stop())
    beforeEach(() => started.redis.reset())

    casesContract('values', values, () => started.redis)
    casesContract('collections', collections, () => started.redis)
    casesContract('streams', streams, () => started.redis)
    casesContract('scripts', scripts, () => started.redis)
    casesContract('script calls', scriptCalls, () => started.redis)
    wireContract(() => started.redis)
    clientContract(() => started.redis)
  })
}

function casesContract(title: string, cases: readonly Case[], redis: () => RedisStandIn) {
  describe(title, () => {
    it.for(cases)('$it', async ({ given = [], send, gives }, { expect }) => {
      for (const command of given) await call(redis(), '/', { body: wordsOf(command) })
      const { status, text } = await call(redis(), '/', { body: wordsOf(send) })
      const wanted = isFailure(gives)
        ? { body: gives, status: 400 }
        : { body: { result: gives }, status: 200 }
      expect({ body: JSON.parse(text), status }).toEqual(wanted)
    })
  })
}
