import fc from 'fast-check'
import connect from 'postgres'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { cloneDatabase, createTemplate } from '../../local/database.ts'
import { type Postgres, startPostgres } from '../../local/postgres.ts'
import { makeProofKey } from '../../local/secrets.ts'
import type { Answer } from '../support/http.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import { type Command, story } from './stories/commands.ts'
import { type Account, faultsIn, noteAnswer, openAccount } from './stories/ledger.ts'

const stories = Number(process.env['ATTACK_STORIES'] ?? 8)
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000)
const FUNDS = 3_500n
const PRICE = 1_000n

let postgres: Postgres
let world: World
let endpoint: Endpoint

beforeAll(async () => {
  postgres = await startPostgres()
  await cloneDatabase(postgres, await createTemplate(postgres), 'stories')
  const database = {
    name: 'stories',
    url: (user?: string) => postgres.url('stories', user),
    sql: connect(postgres.url('stories'), { onnotice: () => {} }),
    close: async () => {},
  }
  world = await openWorld({ locations: ['lima', 'oslo'], processes: 2 }, database)
  endpoint = await world.endpoint()
})
afterAll(async () => {
  await world.close()
  await world.database.sql.end({ timeout: 0 })
  await postgres.stop()
})

type Player = { agent: Agent; account: Account }
type Scene = { players: Player[]; isBroken: boolean }

async function openScene(): Promise<Scene> {
  const players = [0, 1].map(async () => ({
    agent: await world.agent({ funds: `${FUNDS}` }),
    account: openAccount(FUNDS),
  }))
  return { players: await Promise.all(players), isBroken: false }
}

/** Takes note of an answer, and checks the proof it came with. */
async function note(scene: Scene, player: Player, { request, answer }: Note): Promise<void> {
  const { status, body } = answer
  const told = { status, code: body.code, paymentId: body.paymentId, replayed: body.replayed }
  seen.add(status === 200 ? (body.replayed ? 'repeated' : 'paid') : body.code)
  const fault = noteAnswer(player.account, { request, price: PRICE, told, mayFail: scene.isBroken })
  if (fault) throw new Error(fault)
  if (status !== 200 || body.proof === null) return
  const verdict = await world.verify({ proof: body.proof })
  if (!verdict.body.valid) throw new Error(`${request} has a proof that is ${verdict.body.reason}`)
}

/** What came of payments, so that a run that saw nothing happen is no proof. */
const seen = new Set<string>()

type Note = { request: string; answer: Answer }

async function pay(scene: Scene, command: Extract<Command, { agent: number }>): Promise<void> {
  const player = scene.players[command.agent]
  if (!player) throw new Error('there are two players')
  const requestId = `request-${command.request}`
  const times = command.do === 'pay' ? 1 : command.times
  const paying = Array.from({ length: times }, (_, at) => {
    const edge = command.do === 'pay' ? command.edge : at % 2
    return world.pay(player.agent, endpoint, { requestId, edge })
  })
  const answers = await Promise.all(paying)
  const firsts = answers.filter(({ status, body }) => status === 200 && !body.replayed)
  if (firsts.length > 1) throw new Error(`${firsts.length} answers say they are the first`)
  // Whichever was first is told first: the others are its repeats.
  const inOrder = [...firsts, ...answers.filter((answer) => !firsts.includes(answer))]
  for (const answer of inOrder) await note(scene, player, { request: requestId, answer })
}

async function rotateKeys(): Promise<void> {
  const now = Math.floor(world.payos.clock.now() / 1000)
  const old = JSON.parse(keys).map((key: { retireAt?: number }) => ({ retireAt: now, ...key }))
  keys = JSON.stringify([...old, await makeProofKey(now)])
  await world.payos.edges.setBindings({ PROOF_KEYS: keys })
}
let keys = ''

async function killPostgres(): Promise<void> {
  await postgres.kill()
  await postgres.restart()
}

async function act(scene: Scene, command: Command): Promise<void> {
  const { redis, postgrest, edges } = world.payos
  switch (command.do) {
    case 'pay':
    case 'pay at once':
      return pay(scene, command)
    case 'break the ledger': {
      const { when, kind } = command
      const effect = kind === 'status' ? { kind, status: 500 } : { kind }
      scene.isBroken = true
      return postgrest.faults.add({ match: 'settle_x402_payment', when, effect })
    }
    case 'break redis': {
      const { kind } = command
      return redis.faults.add({ effect: kind === 'status' ? { kind, status: 500 } : { kind } })
    }
    case 'empty redis':
      return redis.reset()
    case 'restart':
      return edges.restart(edges.edges[command.edge]?.name)
    case 'rotate keys':
      return rotateKeys()
    case 'kill postgres':
      scene.isBroken = true
      return killPostgres()
    case 'wait':
      return world.advance(command.ms)
  }
}

async function check({ players }: Scene): Promise<void> {
  for (const { agent, account } of players) {
    const stored = await world.paymentsOf(agent)
    const faults = faultsIn(account, stored, await world.balanceOf(agent))
    if (faults.length > 0) throw new Error(faults.join('; '))
  }
  const imbalances = await world.imbalances()
  if (imbalances.length > 0) throw new Error(`the books: ${JSON.stringify(imbalances)}`)
}

describe('a story of payments and faults', () => {
  it(`charges nobody twice, loses no payment and balances, after each of its commands (FC_SEED=${seed})`, {
    timeout: 60_000 + stories * 60_000,
  }, async ({ expect }) => {
    keys = world.payos.secrets.proofKeys
    let told = 0
    const outcome = fc.asyncProperty(story, async (commands) => {
      const scene = await openScene()
      for (const command of commands) {
        await act(scene, command)
        await check(scene)
        told += 1
      }
      world.payos.postgrest.faults.clear()
      world.payos.redis.faults.clear()
    })
    await fc.assert(outcome, { numRuns: stories, seed, endOnFailure: true })

    expect(told).toBeGreaterThanOrEqual(12 * stories)
    expect([...seen]).toEqual(expect.arrayContaining(['paid', 'repeated']))
  })
})
