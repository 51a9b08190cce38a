import { Hono } from 'hono'
import { describe, it } from 'vitest'
import { makeApiKey } from '../shared/domain/api-key.ts'
import type { ProblemCode } from '../shared/domain/problem.ts'
import { CALLS_PER_ASK, Callers } from './caller.ts'
import { headersOf, type PayosEnv } from './http.ts'

/** The platform's count, as far as it is asked: says no from the `limit`-th time on. */
class Counted {
  asked = 0
  limitedFrom = Number.POSITIVE_INFINITY
  limit = async () => {
    this.asked += 1
    const success = this.asked < this.limitedFrom
    await new Promise((resolve) => setImmediate(resolve))
    return { success }
  }
}

const keyOf = (seed: number) =>
  makeApiKey({ kind: 'agent', environment: 'test', random: new Uint8Array(96).fill(seed) })

/** Callers on a clock that is moved by hand, and how a key calls: the code it is answered with. */
function world() {
  const [unknownKeys, perKey] = [new Counted(), new Counted()]
  const ledger: { says?: ProblemCode } = {}
  const clock = { seconds: 1_000_000, nowSeconds: () => clock.seconds }
  const options = { environment: 'test', clock, unknownKeys, perKey } as const
  const callers = new Callers(options)
  const app = new Hono<PayosEnv>().get('/', async (c) => {
    const holder = await callers.of(c, ['agent'])
    if (!holder.ok) return c.text(holder.problem.code, 200, headersOf(holder.problem))
    await callers.learn(c, holder.value.keyHash, ledger.says)
    return c.text('let in')
  })
  const request = async (key = keyOf(1)) =>
    app.request('/', { headers: { authorization: `Bearer ${key}` } })
  const call = async (key = keyOf(1)) => (await request(key)).text()
  const waitToldTo = async (key: string) => (await request(key)).headers.get('retry-after')
  const calls = async (count: number) => {
    const answers = new Set<string>()
    for (let made = 0; made < count; made += 1) answers.add(await call())
    return [...answers]
  }
  const callsAtOnce = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => call()))
    return answers.filter((answer) => answer === 'let in').length
  }
  return { unknownKeys, perKey, ledger, clock, call, calls, callsAtOnce, waitToldTo }
}

describe('the rate of one key', () => {
  it('is asked for by one call in twenty', async ({ expect }) => {
    const { perKey, calls } = world()

    expect(await calls(CALLS_PER_ASK * 3)).toEqual(['let in'])
    expect(perKey.asked).toBe(3)
  })

  it('is asked for by no more when a hundred come at once', async ({ expect }) => {
    const { perKey, callsAtOnce } = world()

    expect(await callsAtOnce(CALLS_PER_ASK * 5)).toBe(CALLS_PER_ASK * 5)
    expect(perKey.asked).toBe(5)
  })

  it('lets nineteen in on a yes that does not come, and then nobody', async ({ expect }) => {
    const { perKey, callsAtOnce } = world()
    perKey.limitedFrom = 1

    expect(await callsAtOnce(CALLS_PER_ASK)).toBe(CALLS_PER_ASK - 1)
    expect(await callsAtOnce(CALLS_PER_ASK * 5)).toBe(0)
  })

  it('is asked for by every call once it is exceeded, until it is not', async ({ expect }) => {
    const { perKey, calls } = world()
    perKey.limitedFrom = 2
    await calls(CALLS_PER_ASK)

    expect(await calls(5)).toEqual(['rate_limited'])
    expect(perKey.asked).toBe(6)

    perKey.limitedFrom = Number.POSITIVE_INFINITY
    expect(await calls(5)).toEqual(['let in'])
  })

  it('is asked for anew when its period is over', async ({ expect }) => {
    const { perKey, clock, call } = world()
    await call()
    clock.seconds += 11
    await call()

    expect(perKey.asked).toBe(2)
  })

  it('lets no key through on what another was let through for', async ({ expect }) => {
    const { perKey, call } = world()
    await call(keyOf(1))
    perKey.limitedFrom = 2

    expect(await call(keyOf(2))).toBe('rate_limited')
  })
})

describe('who is shed is told to wait', () => {
  it('as long as the rate of a key is counted over', async ({ expect }) => {
    const { perKey, waitToldTo } = world()
    perKey.limitedFrom = 1

    expect(await waitToldTo(keyOf(1))).toBe('10')
  })

  it('as long as an address is shut out for its unknown keys', async ({ expect }) => {
    const { unknownKeys, ledger, call, waitToldTo } = world()
    unknownKeys.limitedFrom = 1
    ledger.says = 'key_invalid'
    await call(keyOf(1))

    expect(await waitToldTo(keyOf(2))).toBe('60')
  })
})
