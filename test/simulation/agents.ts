import { paymentId } from '../model/ledger.ts'
import { type Client, type Heard, headersOf, type Place } from './client.ts'
import type { Answered, Asked } from './edge.ts'
import { agentKeys, cast, endpointOf, offers, payers, priceIn } from './parties.ts'
import type { Claims, Providers } from './providers.ts'
import { Random } from './random.ts'
import type { Action, Lie } from './story.ts'

/** What an answer may take, from when it was decided to its agent. In seconds. */
const TOLD_IN_S = 25

type Pay = Extract<Action, { do: 'pay' }>

/** Agents that pay, ask again and give up, and what they were told. */
export class Agents {
  /** Orders whose last answer was a decline, where nothing before it could have been applied. */
  readonly declined = new Map<string, string>()
  /** Payments whose proof was handed out, and which nobody will show. */
  readonly abandoned = new Set<string>()
  readonly #place: Place
  readonly #client: Client
  readonly #providers: Providers
  readonly #tried = new Map<string, number>()

  constructor(place: Place, client: Client, providers: Providers) {
    this.#place = place
    this.#client = client
    this.#providers = providers
  }

  /** One agent, one intent: asks until it knows, or gives up. */
  async pay(action: Pay): Promise<void> {
    const { seed, witness } = this.#place
    const random = Random.of(seed, `pay ${action.id}`)
    const order = this.#orderOf(action)
    if (action.manner.lie === 'the caller') return this.#impersonate(order, action, random)
    let repeats = action.manner.repeats
    for (let attempt = 0; attempt < action.manner.tries; attempt++) {
      const status = await this.#attempt(order, action, random)
      if (status < 300 && repeats-- <= 0) return
      if (status === 409 || (status === 402 && random.chance(0.6))) return
      witness.meet('an agent asks again')
      await this.#client.sleep(random.between(200, 4_000) * 2 ** attempt)
    }
  }

  /** Somebody else asks, in the words of whose wallet it is, and gets nothing. */
  async #impersonate(order: Order, action: Pay, random: Random): Promise<void> {
    const stranger = { ...order, agent: (order.agent + 1 + random.below(2)) % agentKeys.length }
    const asked = this.#payRequest(stranger, action.manner)
    const { answer } = await this.#client.ask(action.edge, asked, random)
    const { witness } = this.#place
    witness.hold('F4', answer?.status !== 200, () => `${order.id} was answered to a stranger`)
    if (answer) witness.meet(`a stranger was told ${answer.body['code']}`)
  }

  /** The status it was answered with; 504 when it heard nothing. */
  async #attempt(order: Order, action: Pay, random: Random): Promise<number> {
    this.#tried.set(order.id, (this.#tried.get(order.id) ?? 0) + 1)
    this.declined.delete(order.id)
    const edge = random.chance(0.8) ? action.edge : random.below(4)
    const heard = await this.#client.ask(edge, this.#payRequest(order, action.manner), random)
    const status = heard.answer?.status ?? 504
    if (status < 300) this.#paid(order, heard.answer, { action, random })
    if (status >= 400 && status < 500) this.#turnedDown(order, heard)
    return status
  }

  #orderOf({ payer, offer, request, manner }: Pay): Order {
    const { wallet, agent } = payers[payer] ?? payers[0]
    const sold = offers[offer] ?? offers[0]
    const content = {
      wallet_id: cast.wallets[wallet] as string,
      request_id: `request-${payer}-${request}`,
      endpoint_id: endpointOf(sold),
      amount: String(priceIn(this.#place.ledger, offer)),
      currency: sold.currency as string,
      method: sold.method as string,
      resource: null as string | null,
      capture: 'automatic',
    }
    lies[manner.lie ?? 'the caller'](content)
    const id = paymentId({ ...content, key_id: '', key_hash: '', thumbprint: null, href: null })
    return { id, content, agent, provider: sold.provider }
  }

  #payRequest(order: Order, manner: Pay['manner']): Asked & { about: string } {
    const { content, agent } = order
    const body = JSON.stringify({
      endpointId: content.endpoint_id,
      walletId: content.wallet_id,
      amount: `0.${content.amount.padStart(6, '0')}`,
      currency: content.currency,
      requestId: content.request_id,
      timestamp: Math.floor(this.#place.timeline.now / 1000),
      method: content.method,
      settlement: manner.settlement,
      ...(content.resource !== null && { resource: content.resource }),
    })
    const headers = headersOf(agentKeys[agent])
    return { method: 'POST', path: '/v1/x402/pay', headers, body, about: order.id }
  }

  #paid(
    order: Order,
    answer: Answered | undefined,
    { action, random }: { action: Pay; random: Random },
  ): void {
    const { witness } = this.#place
    const body = answer?.body ?? {}
    witness.meet(`paid: ${body['status']}${body['replayed'] ? ' again' : ''}`)
    witness.hold('O3', body['paymentId'] === order.id, () => `${order.id} was answered as another`)
    if (typeof body['proof'] !== 'string') return
    const token = body['proof']
    const claims = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    ) as Claims
    const providerId = cast.providers[order.provider]
    witness.hold('F4', claims.aud === providerId, () => `${order.id} names another provider`)
    if (claims.lse !== undefined) this.#promised(claims)
    if (action.manner.presents === 'never') this.abandoned.add(order.id)
    const proof = { token, claims, endpointId: order.content.endpoint_id, provider: order.provider }
    void this.#providers.receive(proof, action.manner.presents, random)
  }

  /** A proof of a promise says what was reserved, and ends before its escrow may go back. */
  #promised({ jti, lse, seq, exp }: Claims): void {
    const { witness, ledger, timeline } = this.#place
    const promises = (witness.reserved.get(jti) ?? []).filter(
      (it) => it.leaseId === lse && it.seq === seq,
    )
    if (promises.length === 0) witness.blame('F1', `${jti} has a proof and no reservation`)
    const isTrue = promises.some(({ expiresAt }) => expiresAt === exp)
    witness.hold('O3', isTrue, () => `${jti} ends at another moment than was promised`)
    const until = (ledger.leases.get(lse ?? '')?.reclaimAfter ?? 0) / 1000
    witness.hold('F2', exp <= until, () => `${jti} outlives the escrow of its lease`)
    const isOver = timeline.now / 1000 > exp + TOLD_IN_S + witness.clocks.edges / 1000
    witness.hold('F2', !isOver, () => `${jti} was handed out when it was over`)
  }

  /** A decline binds nobody, but it is true: nothing was charged, and nothing will be. */
  #turnedDown(order: Order, { answer, task }: Heard): void {
    const { witness } = this.#place
    const code = String(answer?.body['code'])
    witness.meet(`declined: ${code}`)
    const isAlone = this.#tried.get(order.id) === 1 && !this.#client.doubled.has(order.id)
    // Whoever is not known as the caller is told of nothing, also not of what was settled.
    if (code === 'payment_conflict' || answer?.status === 401) return
    const wasPaid = task !== undefined && witness.wasSettled(order.id, task.begunAt)
    witness.hold('O3', !wasPaid, () => `${order.id} was settled and then declined (${code})`)
    // Whoever hears the same call again later may decide otherwise: a decline binds nothing.
    if (task?.notes.has('doubled')) return
    const isFound = task !== undefined && witness.isFound(order.id, task.begunAt)
    if (isAlone || isFound || task?.notes.has('repeated')) this.declined.set(order.id, code)
  }
}

/** What a liar says otherwise; who asks in another's name says all as it is. */
const lies: Record<Lie, (content: Order['content']) => void> = {
  'the caller': () => undefined,
  'the price': (content) => {
    content.amount = String(Number(content.amount) + 1)
  },
  'the currency': (content) => {
    content.currency = content.currency === 'USDC' ? 'EURC' : 'USDC'
  },
  'the method': (content) => {
    content.method = content.method === 'GET' ? 'POST' : 'GET'
  },
  'the resource': (content) => {
    content.resource = 'https://elsewhere.example/v1'
  },
}

type Order = {
  id: string
  content: {
    wallet_id: string
    request_id: string
    endpoint_id: string
    amount: string
    currency: string
    method: string
    resource: string | null
  }
  agent: number
  provider: number
}
