import { randomBytes, randomUUID } from 'node:crypto'
import { type WebhookEvent, webhookReader } from '../../sdk/provider/index.ts'
import { hmacSecretOf } from '../../shared/domain/webhook-signature.ts'
import { providerOf } from './provider.ts'
import { type Destination, type Received, startDestination } from './qstash.ts'
import type { Endpoint, Provider, World } from './world.ts'

/** Somebody who wants to be told, with what was sent to a path of theirs. */
export type Listener = {
  /** The provider, or the owner. */
  holder: string
  url: string
  secret: string
  received: () => Received[]
  /** The ids of what it accepted, in order. */
  accepted: () => string[]
  /** How it answers from now on; the body may be anything. */
  answers: (reply: Reply) => void
}

/** A provider that wants to be told. */
export type Told = Listener & { provider: Provider; endpoint: Endpoint }

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
    return { provider, endpoint, ...(await this.listener(provider.id)) }
  }

  /** A webhook of a provider or an owner. */
  async listener(holder: string): Promise<Listener> {
    const path = `/hooks/${this.#count++}`
    const [url, secret] = [this.#receiver.url + path, hmacSecretOf(randomBytes(32))]
    await this.world.operate('put_x402_webhook', [holder, url, secret])
    const taken: string[] = []
    const answers = (reply: Reply) =>
      this.#receiver.reply(path, async (received, nth) => {
        const given = await reply(received, nth)
        if (given.status < 300) taken.push(received.headers['webhook-id'] ?? '')
        return given
      })
    answers(() => ({ status: 204 }))
    const received = () => this.#receiver.at(path)
    return { holder, url, secret, received, accepted: () => taken, answers }
  }

  /** Pays once; answers the payment's id. */
  async pay(told: Told): Promise<string> {
    const paid = await this.world.pay(await this.world.agent(), told.endpoint)
    return paid.body.paymentId
  }

  /** The provider gives some of a payment back. */
  async refund({ endpoint }: Told, paymentId: string): Promise<void> {
    const wanted = { paymentId, refundId: randomUUID(), amount: '0.0004' }
    const { body } = await providerOf(this.world, endpoint).refund(wanted)
    if (!body.success) throw new Error(`the refund was refused: ${body.reason}`)
  }

  /** What somebody was sent, each read as they would: signed by us, for them, a moment ago. */
  read({ secret, received }: Listener): Promise<WebhookEvent[]> {
    const nowSeconds = () => this.world.payos.clock.now() / 1000
    return Promise.all(received().map(webhookReader({ secret, nowSeconds })))
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

  events({ holder }: Listener): Promise<Event[]> {
    return this.world.database.sql`
      select id, kind, subject_id, state, attempt, last_answer from ledger.events
      where holder_id = ${holder} order by seq`
  }

  /** What `npm run admin -- webhook show` reads. */
  async figures({ holder }: Listener): Promise<Record<string, unknown>> {
    const rows = await this.world.operate('get_x402_webhooks', [holder])
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
