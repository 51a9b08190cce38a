import { appendFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Answer } from '../support/http.ts'
import { sendRaw } from '../support/raw.ts'
import { openWorld, type World } from '../support/world.ts'
import { type Cast, makeCast, secretsOf } from './generated/cast.ts'
import { documentedRoutes, faultOf } from './generated/documented.ts'
import { explain } from './generated/explain.ts'
import { type Attack, requestsTo } from './generated/requests.ts'

const BATCH = 25

/** Requests after which new agents and fresh proofs take the place of those that grew old. */
const ROUND = 5_000

const requests = Number(process.env['ATTACK_REQUESTS'] ?? 5_000)
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000)

let world: World
const casts: Cast[] = []

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
})
afterAll(() => world.close())

const answers = new Map<string, number>()

/** The first requests that were answered 5xx, to be looked into. */
const failures: string[] = []
const settled = new Set<string>()

/** Tells whoever started a long run how far it is. */
function tell(done: number): void {
  const file = process.env['ATTACK_PROGRESS']
  if (file)
    appendFileSync(
      file,
      `${JSON.stringify({ done, all: requests, answers: [...answers], failures })}\n`,
    )
}

function note(attack: Attack, answer: Answer): void {
  const name = `${attack.route} ${answer.status} ${answer.body?.code ?? answer.body?.reason ?? ''}`
  answers.set(name.trim(), (answers.get(name.trim()) ?? 0) + 1)
  const isFailure = answer.status >= 500 && failures.length < 20
  if (isFailure) failures.push(`${JSON.stringify(attack)} ${answer.status} ${answer.text}`)
  if (attack.route === 'pay' && answer.status === 200) settled.add(answer.body.paymentId)
}

async function send(attack: Attack, cast: Cast): Promise<void> {
  const { path, body, ...rest } = attack
  const ask = () => sendRaw(world, path, { ...rest, ...(body !== undefined && { body }) })
  const answer = await ask()
  note(attack, answer)
  let fault = faultOf(attack.route, answer)
  if (answer.status >= 500 && !fault) {
    const explained = await explain(world, answer, ask)
    note(attack, explained.answer)
    fault = explained.fault
  }
  const leaks = secretsOf(cast).filter(([, secret]) => answer.text.includes(secret))
  if (fault || leaks.length > 0) {
    throw new Error(`${fault} ${leaks}\n${JSON.stringify(attack)}\n${answer.status} ${answer.text}`)
  }
}

/** Sends so many requests, and returns how many it sent. */
async function sendMany(count: number, round: number): Promise<number> {
  const cast = await makeCast(world)
  casts.push(cast)
  let done = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(requestsTo(cast), { minLength: BATCH, maxLength: BATCH }),
      async (attacks) => {
        await Promise.all(attacks.map((attack) => send(attack, cast)))
        done += attacks.length
        tell(round * ROUND + done)
      },
    ),
    { numRuns: Math.ceil(count / BATCH), seed: seed + round, endOnFailure: true },
  )
  return done
}

const idsOf = (cast: Cast) => cast.payments.map(({ id }) => id)

describe('whatever is sent to whichever route', () => {
  it(`is answered as documented, and tells no secret (FC_SEED=${seed})`, {
    timeout: 60_000 + requests * 30,
  }, async ({ expect }) => {
    let done = 0
    for (let round = 0; done < requests; round++) {
      done += await sendMany(Math.min(ROUND, requests - done), round)
    }

    expect(done).toBeGreaterThanOrEqual(requests)
    const codes = [...answers.keys()]
    const isAnswered = (route: string) => codes.some((name) => name.startsWith(`${route} 200`))
    expect(documentedRoutes.filter((route) => !isAnswered(route))).toEqual([])
    expect(codes.length).toBeGreaterThanOrEqual(30)
  })

  it('charges for what it answered 200, and nothing else', async ({ expect }) => {
    const payers = casts.flatMap(({ payer, signer, rival }) => [payer, signer, rival])
    const stored = (await Promise.all(payers.map((payer) => world.paymentsOf(payer)))).flat()

    const known = new Set([...settled, ...casts.flatMap(idsOf)])
    expect(stored.filter(({ id }) => !known.has(id))).toEqual([])
    expect(settled.size).toBeGreaterThan(requests / 100)
    for (const { amount } of stored) expect(['1000', '2500']).toContain(amount)
    expect(await world.imbalances()).toEqual([])
  })

  it('leaves no secret in a log line or a metric', async ({ expect }) => {
    const { metricsToken } = world.payos.secrets
    const metrics = await world.get('/v1/metrics', { key: metricsToken })
    const told = [...world.payos.edges.logs(), metrics.text].join('\n')

    const secrets = casts.flatMap((cast) => [
      ...secretsOf(cast).map(([, it]) => it),
      ...cast.proofs,
    ])
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
  })
})
