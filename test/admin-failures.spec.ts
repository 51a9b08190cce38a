import { afterAll, beforeAll, describe, it } from 'vitest'
import { seeded } from '../local/seeded.ts'
import { type Operated, openOperated } from './support/operated.ts'
import { mintToken } from './support/rpc-spec.ts'

let operated: Operated

beforeAll(async () => {
  operated = await openOperated()
})

afterAll(() => operated?.close())

const NOBODY = 'http://127.0.0.1:9'
const unknown = 'a0000000-0000-4000-8000-00000000ffff'
const agent = seeded.agents.plain.id
const endpoint = seeded.providers.weather.endpoints.weather

describe('a command that cannot be done', () => {
  it.for([
    ['2', 'names every missing option', 'agent put', 'missing: --owner, --name'],
    ['2', 'names its neighbours', 'wallet get', 'there are: wallet put'],
    [
      '2',
      'refuses a rounded amount',
      `deposit --wallet ${unknown} --currency USDC --amount 1e3`,
      '--amount is a decimal',
    ],
    [
      '2',
      'refuses more decimals than there are',
      `deposit --wallet ${unknown} --currency USDC --amount 0.0000001`,
      '--amount',
    ],
    [
      '4',
      'refuses other content under a known id',
      `agent put --owner ${seeded.owners.grace} --name X --id ${agent}`,
      'the agent exists with other content',
    ],
    [
      '4',
      'refuses a deposit to nobody',
      `deposit --wallet ${unknown} --currency USDC --amount 1`,
      'not in the ledger',
    ],
    [
      '4',
      'refuses a price that begins too soon',
      `price announce --endpoint ${endpoint} --currency USDC --price 1 --valid-from +10s`,
      '180 seconds',
    ],
  ])('exits %s and %s', async ([exit, , line = '', words], { expect }) => {
    const ran = await operated.admin(line)
    expect(ran).toMatchObject({ exit: Number(exit), out: '' })
    expect(ran.error.trim().split('\n')).toHaveLength(1)
    expect(ran.error).toContain(words)
  })

  it('exits 3 with the token of another role', async ({ expect }) => {
    const env = operated.hosted({ OPERATOR_TOKEN: mintToken({ role: 'x402_edge' }) })
    expect(await operated.admin('owner put --name X', env)).toMatchObject({ exit: 3 })
  })

  it('exits 5 when nobody answers, and says how to repeat it', async ({ expect }) => {
    const env = operated.hosted({ SUPABASE_URL: NOBODY })
    const ran = await operated.admin('owner put --name X --json', env)
    expect(JSON.parse(ran.error)).toMatchObject({ exit: 5, kind: 'dependency' })
    expect(ran.error).toMatch(/repeat it with --id [0-9a-f-]{36}/)
  })

  it('exits 5 when only Redis does not answer, and the ledger has it', async ({ expect }) => {
    const line = `price announce --endpoint ${endpoint} --currency USDC --price 7 --valid-from +9h`
    const env = operated.hosted({ UPSTASH_REDIS_REST_URL: NOBODY })
    const ran = await operated.admin(line, env)
    expect(ran).toMatchObject({ exit: 5 })
    const [row] = await operated.database.sql`
      select count(*)::int from ledger.endpoint_prices where amount = 7000000`
    expect(row).toEqual({ count: 1 })
  })

  it('refuses half an environment rather than work on the local stack', async ({ expect }) => {
    const ran = await operated.admin('owner put --name X', {
      SUPABASE_URL: operated.postgrest.url,
    })
    expect(ran).toMatchObject({ exit: 2 })
    expect(ran.error).toContain('OPERATOR_TOKEN')
  })
})
