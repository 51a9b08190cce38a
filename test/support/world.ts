import { randomBytes, randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { type Payos, type PayosOptions, startPayos } from '../../local/payos.ts'
import { hashApiKey, makeApiKey, parseApiKey } from '../../shared/domain/api-key.ts'
import { type Answer, type Body, type CallOptions, call } from './http.ts'
import { moveLedgerClock } from './ledger-clock.ts'
import { openDatabase, type SpecDatabase } from './postgres.ts'
import { makeSigner, type Signer, signPayment } from './signer.ts'

export type Agent = {
  id: string
  walletId: string
  currency: string
  apiKey: string
  signer: Signer | undefined
}

export type Provider = { id: string; apiKey: string }

export type Endpoint = {
  id: string
  provider: Provider
  price: string
  currency: string
  method: string
  url: string
}

export type AgentTerms = {
  /** In atomic units, like every amount here. */
  funds?: string
  currency?: string
  paymentMax?: string
  dayMax?: string
  monthMax?: string
  /** Ids of the providers it may pay; absent: anyone. */
  providers?: string[]
  /** Registers a key, so that every payment must be signed. */
  signs?: boolean
}

export type PayOptions = CallOptions & {
  requestId?: string
  /** Members to replace; `undefined` leaves one out. */
  body?: Body
}

type WorldOptions = Omit<PayosOptions, 'databaseUrl' | 'bundle'>

const PLENTY = '1000000000000'

/** A PayOS of a spec file's own, with the verbs of the domain. Amounts are in atomic units. */
export class World {
  readonly payos: Payos
  readonly database: SpecDatabase

  constructor(payos: Payos, database: SpecDatabase) {
    this.payos = payos
    this.database = database
  }

  /** A new agent with one wallet, a key, a policy and funds; by default it may pay anything. */
  async agent(terms: AgentTerms = {}): Promise<Agent> {
    const [id, walletId, owner] = [randomUUID(), randomUUID(), randomUUID()]
    const currency = terms.currency ?? 'USDC'
    await this.operate('put_x402_owner', [owner, 'an owner'])
    await this.operate('put_x402_agent', [id, owner, 'an agent'])
    await this.operate('put_x402_wallet', [walletId, id, currency])
    const agent = { id, walletId, currency, apiKey: await this.key('agent', id) }
    await this.allow(agent, terms)
    await this.fund(agent, terms.funds ?? PLENTY)
    if (!terms.signs) return { ...agent, signer: undefined }

    const signer = await makeSigner()
    await this.operate('put_x402_signer', [id, signer.thumbprint])
    return { ...agent, signer }
  }

  /** Replaces what the owner allows; what is not named is allowed. */
  async allow(agent: Pick<Agent, 'walletId'>, terms: AgentTerms): Promise<void> {
    const { paymentMax = PLENTY, dayMax = PLENTY, monthMax = PLENTY, providers } = terms
    const args = [agent.walletId, paymentMax, dayMax, monthMax, providers ?? null]
    await this.operate('put_x402_policy', args)
  }

  async fund(agent: Pick<Agent, 'walletId'>, amount: string): Promise<void> {
    if (amount !== '0')
      await this.operate('deposit_x402_funds', [randomUUID(), agent.walletId, amount])
  }

  async provider(): Promise<Provider> {
    const id = randomUUID()
    await this.operate('put_x402_provider', [id, 'a provider'])
    return { id, apiKey: await this.key('provider', id) }
  }

  /** A new endpoint, of a new provider unless one is given. */
  async endpoint(terms: Partial<Omit<Endpoint, 'id'>> = {}): Promise<Endpoint> {
    const endpoint = {
      id: randomUUID(),
      provider: terms.provider ?? (await this.provider()),
      price: terms.price ?? '1000',
      currency: terms.currency ?? 'USDC',
      method: terms.method ?? 'GET',
      url: terms.url ?? 'https://api.example/weather',
    }
    const { id, provider, method, url, currency, price } = endpoint
    await this.operate('put_x402_endpoint', [id, provider.id, method, url, currency, price])
    return endpoint
  }

  /** Registers a new API key and returns its text. */
  async key(kind: 'agent' | 'provider', holder: string): Promise<string> {
    const text = makeApiKey({ kind, environment: 'test', random: randomBytes(96) })
    const id = parseApiKey(text)?.id ?? ''
    await this.operate('put_x402_key', [kind, id, holder, await hashApiKey(text)])
    return text
  }

  /** Calls an operator's function straight in the ledger. */
  async operate(name: string, args: readonly (string | string[] | null)[]): Promise<unknown> {
    const { sql } = this.database
    const list = args.map((_, at) => `$${at + 1}`).join(', ')
    const rows = await sql.unsafe(`select api.${name}(${list}) as answer`, [...args] as never[])
    return rows[0]?.['answer']
  }

  /** The body of `POST /pay` for what the endpoint costs, signed when the agent signs. */
  async payBody(agent: Agent, endpoint: Endpoint, options: PayOptions = {}): Promise<Body> {
    const body: Body = {
      endpointId: endpoint.id,
      walletId: agent.walletId,
      amount: decimal(endpoint.price),
      currency: endpoint.currency,
      requestId: options.requestId ?? randomUUID(),
      timestamp: Math.floor(this.payos.clock.now() / 1000),
      method: endpoint.method,
      ...options.body,
    }
    return agent.signer ? signPayment(body, agent.signer, this.payos.issuer) : body
  }

  /** Pays what the endpoint costs: `POST /pay` at the first edge, or at the one named. */
  async pay(agent: Agent, endpoint: Endpoint, options: PayOptions = {}): Promise<Answer> {
    const body = await this.payBody(agent, endpoint, options)
    return this.post('/v1/x402/pay', body, { key: agent.apiKey, ...options })
  }

  async verify(body: Body, options: CallOptions = {}): Promise<Answer> {
    return this.post('/v1/x402/verify', body, options)
  }

  post(path: string, body: Body | string, options: CallOptions = {}): Promise<Answer> {
    return call(this.urlOf(options), path, { ...options, method: 'POST', body })
  }

  get(path: string, options: CallOptions = {}): Promise<Answer> {
    return call(this.urlOf(options), path, { ...options, method: options.method ?? 'GET' })
  }

  /** The backends a request made trips to, in order, those after its answer included. */
  tripsOf(answer: Answer): string[] {
    const id = answer.headers.get('x-request-id')
    const { postgrest, redis } = this.payos
    return [
      ...postgrest.trips.filter((trip) => trip.requestId === id).map(() => 'database'),
      ...redis.trips.filter((trip) => trip.requestId === id).map(() => 'redis'),
    ]
  }

  /** Moves the time of every part forward, the ledger's included. */
  async advance(ms: number): Promise<void> {
    await moveLedgerClock(this.database.sql, this.payos.clock.offsetMs + ms)
    await this.payos.advance(ms)
  }

  /** Whether the answer lies in Redis for repeats, which happens after it was given, if at all. */
  async kept(answer: Answer): Promise<boolean> {
    const isKept = () =>
      this.payos.redis.trips.some(({ subject }) =>
        subject.includes(`SET payos:test:answer:${answer.body.paymentId}`),
      )
    for (let tries = 0; tries < 500 && !isKept(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return isKept()
  }

  /** Pays, and again from what Redis kept. Where it is late, the ledger answers: told anew. */
  async payTwice(agent: Agent, endpoint: Endpoint) {
    for (let tries = 0; tries < 20; tries++) {
      const requestId = randomUUID()
      const first = await this.pay(agent, endpoint, { requestId })
      await this.kept(first)
      const again = await this.pay(agent, endpoint, { requestId })
      if (!this.tripsOf(again).includes('database')) return { requestId, first, again }
    }
    throw new Error('Redis was never in time')
  }

  async balanceOf(agent: Agent): Promise<string> {
    const { sql } = this.database
    const [row] = await sql`select balance::text from ledger.wallets where id = ${agent.walletId}`
    return row?.['balance']
  }

  async paymentsOf(agent: Agent): Promise<{ id: string; request_id: string; amount: string }[]> {
    return this.database.sql`
      select id, request_id, amount::text from ledger.payments
      where wallet_id = ${agent.walletId} order by created_at`
  }

  /** Accounts whose stored balance is not the sum of their entries, and currencies not summing to zero. */
  async imbalances(): Promise<unknown[]> {
    const { sql } = this.database
    const accounts = await sql`select * from ledger.books where stored is distinct from posted`
    const sums = await sql`
      select currency, sum(amount)::text from ledger.entries group by 1 having sum(amount) <> 0`
    return [...accounts, ...sums]
  }

  async close(): Promise<void> {
    await this.payos.stop()
    await this.database.close()
  }

  private urlOf({ edge = 0 }: CallOptions): string {
    const url = this.payos.edges.edges[edge]?.url
    if (!url) throw new Error(`there is no edge ${edge}`)
    return url
  }
}

/** Starts a PayOS over a database of its own, or over one that is given. */
export async function openWorld(options: WorldOptions = {}, given?: SpecDatabase): Promise<World> {
  const database = given ?? (await openDatabase())
  const payos = await startPayos({
    databaseUrl: database.url('authenticator'),
    bundle: inject('bundle'),
    ...options,
  })
  return new World(payos, database)
}

/** Atomic units as a client writes them: `1000` is `0.001`. */
export function decimal(units: string): string {
  const digits = units.padStart(7, '0')
  const fraction = digits.slice(-6).replace(/0+$/, '')
  return fraction === '' ? digits.slice(0, -6) : `${digits.slice(0, -6)}.${fraction}`
}
