import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { openBorrower, payAsync } from './support/promises.ts'
import { type Desk, openDesk } from './support/tools.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let desk: Desk
let endpoint: Endpoint

beforeAll(async () => {
  const regions = [
    { name: 'east', continents: ['*'] },
    { name: 'west', continents: ['NA'] },
  ]
  world = await openWorld({ regions })
  desk = await openDesk()
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await desk.close()
  await world.close()
})

/** Runs `npm run admin -- <line>` on the world, as on a hosted PayOS. */
async function admin(line: string): Promise<number | null> {
  const { postgrest, redis, regions, secrets } = world.payos
  const token = secrets.redisToken
  const env = {
    ENVIRONMENT: 'test',
    SUPABASE_URL: postgrest.url,
    SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
    OPERATOR_TOKEN: secrets.operatorToken,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: token,
    LEASE_REGIONS: JSON.stringify(
      [...regions].map(([region, { url }]) => ({ region, url, token, continents: ['*'] })),
    ),
  }
  const ran = await desk.run('admin', line.split(' '), { env })
  return ran.exit
}

const agentLine = async ({ id }: Agent, status: string) => {
  const [row] = await world.database.sql`select owner_id from ledger.agents where id = ${id}`
  return `agent put --owner ${row?.['owner_id']} --name one --status ${status} --id ${id}`
}

const policyLine = ({ walletId }: Agent, max: string) =>
  `policy set --wallet ${walletId} --currency USDC` +
  ` --payment-max ${max} --day-max 100 --month-max 1000`

const pay = async (agent: Agent) => {
  const { body } = await payAsync(world, { agent, endpoint })
  return body.code ?? body.status
}

describe('a wallet that pays from a lease', () => {
  it.for([
    ['a policy that allows less', (it: Agent) => policyLine(it, '0.0005'), 'policy_refused'],
    ['the end of its right', settleAtOnce, 'settled'],
    ['being frozen', frozen, 'policy_refused'],
    ['the suspension of its agent', (it: Agent) => agentLine(it, 'suspended'), 'policy_refused'],
    ['a key its agent must sign with', signs, 'signature_required'],
  ] as const)('is held to %s at once', async ([, line, answer], { expect }) => {
    const agent = await openBorrower(world, { endpoint })
    expect(await pay(agent)).toBe('held')

    expect(await admin(await line(agent))).toBe(0)

    expect(await pay(agent)).toBe(answer)
  })

  it('goes on with its lease when another wallet is changed, or nothing is', async ({ expect }) => {
    const [agent, other] = [await openBorrower(world, { endpoint }), await world.agent()]
    await admin(policyLine(other, '0.0005'))
    await admin(await agentLine(agent, 'active'))

    expect(await pay(agent)).toBe('held')
  })

  it('is held to a change that is repeated, once a Redis answers again', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    const match = `DEL payos:test:east:lease:${agent.walletId}`
    world.payos.regions.get('east')?.faults.add({ match, effect: { kind: 'drop' } })
    const first = await admin(policyLine(agent, '0.0005'))
    const promised = await pay(agent)
    const again = await admin(policyLine(agent, '0.0005'))

    expect([first, promised, again]).toEqual([5, 'held', 0])
    expect(await pay(agent)).toBe('policy_refused')
  })
})

function settleAtOnce({ walletId }: Agent): string {
  return `policy settlement --wallet ${walletId} --settlement sync`
}

function frozen({ id, walletId }: Agent): string {
  return `wallet put --agent ${id} --currency USDC --status frozen --id ${walletId}`
}

function signs({ id }: Agent): string {
  return `signer new --agent ${id}`
}
