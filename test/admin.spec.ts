import { readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startRedis } from '../local/stand-ins/redis/index.ts'
import { redisStores } from '../shared/adapters/redis.ts'
import { hashApiKey } from '../shared/domain/api-key.ts'
import { EndpointId, ProviderId } from '../shared/domain/ids.ts'
import { Amount } from '../shared/domain/money.ts'
import { type Operated, openOperated } from './support/operated.ts'

let operated: Operated

beforeAll(async () => {
  operated = await openOperated()
})

afterAll(() => operated?.close())

const admin = (line: string) => operated.admin(line)

const ids = {
  owner: 'a0000000-0000-4000-8000-000000000001',
  agent: 'a0000000-0000-4000-8000-000000000002',
  wallet: 'a0000000-0000-4000-8000-000000000003',
  provider: 'a0000000-0000-4000-8000-000000000004',
  endpoint: 'a0000000-0000-4000-8000-000000000005',
  deposit: 'a0000000-0000-4000-8000-000000000006',
}
const validFrom = new Date(Date.now() + 3_600_000).toISOString()

const price = '--currency USDC --price'
const endpointPut = (status: string) =>
  `endpoint put --provider ${ids.provider} --method get --url https://api.example/weather` +
  ` ${price} 0.001 --status ${status} --id ${ids.endpoint}`

/** A business from nothing, in the order an operator brings it up. */
const business = () => [
  `owner put --name Ada --id ${ids.owner}`,
  `agent put --owner ${ids.owner} --name Watcher --id ${ids.agent}`,
  `wallet put --agent ${ids.agent} --currency USDC --id ${ids.wallet}`,
  `provider put --name Weather --id ${ids.provider}`,
  `policy set --wallet ${ids.wallet} --currency USDC --provider ${ids.provider}` +
    ' --payment-max 0.5 --day-max 5 --month-max 50',
  `deposit --wallet ${ids.wallet} --currency USDC --amount 10.5 --id ${ids.deposit}`,
  `key new --agent ${ids.agent} --out ${operated.desk.path('agent.key')}`,
  `key new --provider ${ids.provider} --out ${operated.desk.path('provider.key')}`,
  `signer new --agent ${ids.agent} --out ${operated.desk.path('signer.json')}`,
  endpointPut('active'),
  `price announce --endpoint ${ids.endpoint} ${price} 0.002 --valid-from ${validFrom}`,
]

async function bringUp() {
  const lines: string[] = []
  for (const line of business()) {
    const ran = await admin(line)
    lines.push(`${ran.exit} ${ran.error}`.trim())
  }
  return lines
}

/** Every row of the parties and the transfers, as text. */
async function ledger(): Promise<string> {
  const tables = ['owners', 'agents', 'agent_keys', 'agent_signers', 'wallets', 'policies']
  const more = ['providers', 'provider_keys', 'endpoints', 'endpoint_prices', 'transfers']
  const { sql } = operated.database
  const rows = await Promise.all(
    [...tables, ...more].map(
      (name) => sql`select to_jsonb(t) as row from ledger.${sql(name)} as t order by 1`,
    ),
  )
  return JSON.stringify(rows)
}

describe('an operator', () => {
  it('brings a business up, and the ledger shows it', async ({ expect }) => {
    expect(await bringUp()).toEqual(business().map(() => '0'))
    const [row] = await operated.database.sql`
      select o.name as owner, a.name as agent, w.balance::text, p.payment_max::text,
        p.day_max::text, p.month_max::text, p.providers, e.method, e.url,
        (select array_agg(v.amount::text order by v.version) from ledger.endpoint_prices as v
          where v.endpoint_id = e.id) as prices
      from ledger.owners as o
      join ledger.agents as a on a.owner_id = o.id
      join ledger.wallets as w on w.agent_id = a.id
      join ledger.policies as p on p.wallet_id = w.id
      join ledger.endpoints as e on e.provider_id = p.providers[1]
      where o.id = ${ids.owner}`
    expect(row).toEqual({
      owner: 'Ada',
      agent: 'Watcher',
      balance: '10500000',
      payment_max: '500000',
      day_max: '5000000',
      month_max: '50000000',
      providers: [ids.provider],
      method: 'GET',
      url: 'https://api.example/weather',
      prices: ['1000', '2000'],
    })
  })

  it('says how long an endpoint holds and whether it is listed, and may say it later', async ({
    expect,
  }) => {
    await bringUp()
    const terms = async () => {
      const [row] = await operated.database.sql`
        select hold_seconds as hold, discoverable as listed from ledger.endpoints
        where id = ${ids.endpoint}`
      return row
    }
    expect(await terms()).toEqual({ hold: 86_400, listed: false })
    const said = await admin(`${endpointPut('active')} --hold 600 --listed yes`)
    const wrong = await admin(`${endpointPut('active')} --hold 59`)
    await admin(`${endpointPut('active')} --listed no`)

    expect([said.exit, wrong.exit]).toEqual([0, 2])
    expect(await terms()).toEqual({ hold: 600, listed: false })
  })

  it('changes nothing by doing all of it again', async ({ expect }) => {
    const before = await ledger()
    expect(await bringUp()).toEqual(business().map(() => '0'))
    expect(await ledger()).toBe(before)
  })

  it('is told the id to repeat with', async ({ expect }) => {
    const { out } = await admin('owner put --name Grace --json')
    const { owner } = JSON.parse(out)
    const [row] = await operated.database.sql`select name from ledger.owners where id = ${owner}`
    expect(row).toEqual({ name: 'Grace' })
  })

  it('registers a key by its hash, and keeps the key in a file of mode 600', async ({ expect }) => {
    const key = (await readFile(operated.desk.path('agent.key'), 'utf8')).trim()
    const [row] = await operated.database.sql`
      select encode(key_hash, 'hex') as hash from ledger.agent_keys where agent_id = ${ids.agent}`
    expect(row).toEqual({ hash: await hashApiKey(key) })
    expect((await stat(operated.desk.path('agent.key'))).mode & 0o777).toBe(0o600)
    expect((await stat(operated.desk.path('signer.json'))).mode & 0o777).toBe(0o600)
  })

  it('is shown a key once, and revokes it by its id or by the key itself', async ({ expect }) => {
    const { apiKey, key } = JSON.parse((await admin(`key new --agent ${ids.agent} --json`)).out)
    expect(await admin(`key revoke ${apiKey}`)).toMatchObject({ exit: 0 })
    const again = await admin(`key revoke ${key}`)
    expect(again).toMatchObject({ exit: 0 })
    expect(again.out).not.toContain(apiKey)
    expect(await admin('key revoke 0123456789abcdef')).toMatchObject({ exit: 4 })
  })

  it('revokes a signer', async ({ expect }) => {
    const { signer } = JSON.parse((await admin(`signer new --agent ${ids.agent} --json`)).out)
    await admin(`signer revoke --agent ${ids.agent} --thumbprint ${signer}`)
    const [row] = await operated.database.sql`
      select revoked_at is not null as revoked from ledger.agent_signers
      where thumbprint = ${signer}`
    expect(row).toEqual({ revoked: true })
  })

  it('folds credits, pays out what was earned, and never more', async ({ expect }) => {
    const { sql } = operated.database
    await sql`insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
      select ${ids.provider}, ${ids.endpoint}, 'USDC', 1000, current_date
      from generate_series(1, 25)`
    expect(JSON.parse((await admin('rollup --most 10 --json')).out)).toEqual({ folded: 25 })
    expect(JSON.parse((await admin('totals --json')).out)).toMatchObject({ inbox: 0 })
    const payout = `payout --provider ${ids.provider} --currency USDC --json --amount`
    expect(JSON.parse((await admin(`${payout} 0.02`)).out)).toMatchObject({ earnings: '0.005' })
    expect(await admin(`${payout} 0.006`)).toMatchObject({ exit: 4 })
  })
})

describe('the cached quote of an endpoint', () => {
  const quote = {
    endpointId: EndpointId.parse(ids.endpoint),
    providerId: ProviderId.parse(ids.provider),
    method: 'GET',
    url: 'https://api.example/weather',
    currency: 'USDC',
    amount: Amount.decode('1000'),
    priceVersion: 1,
    active: true,
    next: undefined,
  } as const

  const clock = { nowSeconds: () => Math.floor(Date.now() / 1000) }

  it.for([
    endpointPut('paused'),
    `price announce --endpoint ${ids.endpoint} ${price} 0.003 --valid-from +2h`,
    `provider put --name Weather --id ${ids.provider} --endpoint ${ids.endpoint}`,
  ])('is deleted by: %s', async (line, { expect }) => {
    const { redis } = operated
    const address = { url: redis.url, token: redis.token, environment: 'test' }
    const { quotes } = redisStores(address, clock)
    await quotes.keep({ quote, toldAt: 0 })
    expect(await redis.command('DBSIZE')).toBe(1)
    expect(await admin(line)).toMatchObject({ exit: 0 })
    expect(await redis.command('DBSIZE')).toBe(0)
  })

  it('is deleted in every region, though one does not answer', async ({ expect }) => {
    const regions = await Promise.all([startRedis({ token: 'a' }), startRedis({ token: 'a' })])
    const all = [operated.redis, ...regions]
    for (const redis of all) {
      const { quotes } = redisStores({ ...redis, environment: 'test' }, clock)
      await quotes.keep({ quote, toldAt: 0 })
    }
    const LEASE_REGIONS = JSON.stringify(
      regions.map(({ url, token }, at) => ({ region: `r${at}`, url, token, continents: ['*'] })),
    )
    regions[0]?.faults.add({ match: 'DEL', effect: { kind: 'drop' } })
    const run = () => operated.admin(endpointPut('paused'), operated.hosted({ LEASE_REGIONS }))
    const left = () => Promise.all(all.map((redis) => redis.command('DBSIZE')))

    expect(await run()).toMatchObject({ exit: 5 })
    expect(await left()).toEqual([0, 1, 0])
    expect(await run()).toMatchObject({ exit: 0 })
    expect(await left()).toEqual([0, 0, 0])
    await Promise.all(regions.map((redis) => redis.stop()))
  })

  it('is not looked for where regions are not said as they are to be said', async ({ expect }) => {
    const env = operated.hosted({ LEASE_REGIONS: '{"region":"r"}' })
    expect(await operated.admin(endpointPut('paused'), env)).toMatchObject({ exit: 2 })
  })
})
