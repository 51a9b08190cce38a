import { randomBytes, randomUUID } from 'node:crypto'
import { hmacSecretOf } from '../../shared/domain/webhook-signature.ts'
import { type Destination, type Received, startDestination } from './qstash.ts'
import type { Endpoint, Provider, World } from './world.ts'

/** A provider that wants to be told, with what it was sent at its own path. */
export type Told = {
  provider: Provider
  endpoint: Endpoint
  url: string
  secret: string
  received: () => Received[]
  /** The ids of what it accepted, in order. */
  accepted: () => string[]
  /** How it answers from now on; the body may be anything. */
  answers: (reply: Reply) => void
}

type Reply = Parameters<Destination['reply']>[1]

export type Event = {
  id: string
  kind: string
  subject_id: string
  state: string
  attempt: number
  last_answer: string | null
}

const MINUTE_MS = 60_000

/** A world with receivers of webhooks, and its outbox in hand. */
export class WebhookWorld {
  readonly world: World
  readonly #receiver: Destination
  #count = 0

  constructor(world: World, receiver: Destination) {
    this.world = world
    this.#receiver = receiver
  }

  /** A new provider with an endpoint and a webhook. */
  async told(): Promise<Told> {
    const endpoint = await this.world.endpoint()
    const { provider } = endpoint
    const path = `/hooks/${this.#count++}`
    const [url, secret] = [this.#receiver.url + path, hmacSecretOf(randomBytes(32))]
    await this.world.operate('put_x402_webhook', [provider.id, url, secret])
    const taken: string[] = []
    const answers = (reply: Reply) =>
      this.#receiver.reply(path, async (received, nth) => {
        const given = await reply(received, nth)
        if (given.status < 300) taken.push(received.headers['webhook-id'] ?? '')
        return given
      })
    answers(() => ({ status: 204 }))
    const received = () => this.#receiver.at(path)
    return { provider, endpoint, url, secret, received, accepted: () => taken, answers }
  }

  /** Pays once; answers the payment's id. */
  async pay(told: Told): Promise<string> {
    const paid = await this.world.pay(await this.world.agent(), told.endpoint)
    return paid.body.paymentId
  }

  /** Writes the event of a refund as the transaction of a refund would. */
  async refund(told: Told, paymentId: string): Promise<void> {
    const facts = { refund_id: randomUUID(), refunded: '400' }
    const { sql } = this.world.database
    await sql`
      select ledger.emit('payment.refunded', ${paymentId}, ${told.provider.id}, ${sql.json(facts)})`
  }

  /** Lets time pass, with the cron trigger at each minute, until all that is due is done. */
  async pass(minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes; minute++) {
      await this.world.advance(MINUTE_MS)
      await this.tick()
    }
  }

  /** Lets time pass at once; the cron trigger comes when it is over. */
  async jump(seconds: number): Promise<void> {
    await this.world.advance(seconds * 1_000)
    await this.tick()
  }

  /** The cron trigger, and all that comes of it. */
  async tick(): Promise<void> {
    await this.cron()
    await this.world.payos.qstash.settle()
  }

  async cron(): Promise<void> {
    await this.world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')
  }

  events(told: Told): Promise<Event[]> {
    return this.world.database.sql`
      select id, kind, subject_id, state, attempt, last_answer from ledger.events
      where holder_id = ${told.provider.id} order by seq`
  }

  /** What `npm run admin -- webhook show` reads. */
  async figures(told: Told): Promise<Record<string, unknown>> {
    const rows = await this.world.operate('get_x402_webhooks', [told.provider.id])
    return (rows as Record<string, unknown>[])[0] ?? {}
  }

  /** Gives the QStash stand-in an order. */
  async qstash(order: string, body: object = {}): Promise<void> {
    const url = `${this.world.payos.qstash.url}/__control/${order}`
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${order}: ${answer.status}`)
  }

  async close(): Promise<void> {
    await this.world.close()
    await this.#receiver.stop()
  }
}

export const openWebhookWorld = async (world: World) =>
  new WebhookWorld(world, await startDestination())
