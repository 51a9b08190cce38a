import { hashApiKey } from '../../../shared/domain/api-key.ts'
import { answer, type Call, emptyLedger, paymentId, type State } from '../../model/ledger.ts'
import { earningsKey } from '../../model/money.ts'
import type { Answer } from '../../support/http.ts'
import { type Agent, decimal, type Endpoint, type World } from '../../support/world.ts'

const PLENTY = '1000000000000'

type Told = {
  outcome: string
  replayed?: boolean
  reason?: string
  balance?: string
  payment?: { payment_id: string; capture?: { captured: string } } | null
}

/** An order as the ledger gets it, in the words of the function that takes it. */
export type Ask = Extract<
  Call,
  { name: 'settle_x402_payment' | 'capture_x402_payment' | 'refund_x402_payment' }
>

const keyOf = async (apiKey: string) => ({
  key_id: apiKey.slice(8, 24),
  key_hash: await hashApiKey(apiKey),
})

/** What an agent's request comes to when it reaches the ledger. */
export async function paymentOf(
  { walletId, apiKey }: Agent,
  endpoint: Endpoint,
  asked: { requestId: string; capture: string },
): Promise<Ask> {
  const content = {
    ...{ wallet_id: walletId, request_id: asked.requestId, endpoint_id: endpoint.id },
    ...{ amount: endpoint.price, currency: endpoint.currency, method: endpoint.method },
    ...{ resource: null, href: null, capture: asked.capture },
  }
  const caller = { ...(await keyOf(apiKey)), thumbprint: null }
  const args = { ...caller, ...content, payment_id: paymentId({ ...caller, ...content }) }
  return { name: 'settle_x402_payment', args }
}

/** The pure reference model of the ledger, told all that a world's ledger is told. */
export class Reference {
  readonly #state: State = emptyLedger(0)
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  ask(call: Call): unknown {
    this.#state.now = this.#world.payos.clock.now()
    return answer(this.#state, call)
  }

  /** Makes an agent known that the world has just made. */
  async meet(agent: Agent, funds: string): Promise<void> {
    const { id, walletId, currency } = agent
    const owner_id = `owner of ${id}`
    const { key_id, key_hash } = await keyOf(agent.apiKey)
    this.ask({ name: 'put_x402_owner', args: { owner_id, name: '' } })
    const party = { agent_id: id, owner_id, name: '', status: 'active' }
    this.ask({ name: 'put_x402_agent', args: party })
    const wallet = { wallet_id: walletId, agent_id: id, currency, status: 'active' }
    this.ask({ name: 'put_x402_wallet', args: wallet })
    const limits = { payment_max: PLENTY, day_max: PLENTY, month_max: PLENTY, providers: null }
    this.ask({ name: 'put_x402_policy', args: { wallet_id: walletId, ...limits } })
    const deposit = { transfer_id: `funds of ${id}`, wallet_id: walletId, amount: funds }
    this.ask({ name: 'deposit_x402_funds', args: deposit })
    const key = { kind: 'agent', key_id, key_hash, holder_id: id, expires_at: null }
    this.ask({ name: 'put_x402_key', args: key })
  }

  /** Makes an endpoint and its provider known. */
  async register({ id, provider, method, url, currency, price }: Endpoint): Promise<void> {
    const { key_id, key_hash } = await keyOf(provider.apiKey)
    const party = { provider_id: provider.id, name: '', status: 'active' }
    this.ask({ name: 'put_x402_provider', args: party })
    const key = { kind: 'provider', key_id, key_hash, holder_id: provider.id, expires_at: null }
    this.ask({ name: 'put_x402_key', args: key })
    const terms = { method, url, currency, price, status: 'active' }
    const ids = { endpoint_id: id, provider_id: provider.id }
    this.ask({ name: 'put_x402_endpoint', args: { ...ids, ...terms } })
  }

  /** What a provider asks of a payment, by the words of the function that does it. */
  async about(
    endpoint: Endpoint,
    id: string,
    asked: { amount: string } & ({ attempt_id: string } | { refund_id: string }),
  ): Promise<Ask> {
    const args = { ...(await keyOf(endpoint.provider.apiKey)), payment_id: id, ...asked }
    return 'refund_id' in args
      ? { name: 'refund_x402_payment', args }
      : { name: 'capture_x402_payment', args }
  }

  /**
   * Compares an answer with the model's to the same order. An unknown outcome is looked up: what the
   * ledger has, the model must have allowed; what it has not, nobody was told of.
   */
  async compare(order: Ask, given: Answer, isBroken: boolean): Promise<string | undefined> {
    if (given.status < 500) return difference(given, this.ask(order) as Told)
    if (!isBroken) return `${given.status} ${given.text}, and nothing was broken`
    if (this.#has(order) || !(await this.#happened(order))) return undefined
    const { outcome, replayed } = this.ask(order) as Told
    const isNew = replayed !== true && ['payment', 'captured', 'refunded'].includes(outcome)
    return isNew ? undefined : `${outcome} in the model, and the ledger did it`
  }

  /** Whether a proof of this payment may still be used, as far as the ledger says. */
  isRedeemable(id: string): boolean {
    const payment = this.#state.payments.get(id)
    return payment !== undefined && !payment.capture && payment.refunds.size === 0
  }

  /** The payment a request came to; undefined: none. */
  find({ walletId }: Agent, requestId: string): string | undefined {
    const all = [...this.#state.payments]
    return all.find(([, it]) => it.walletId === walletId && it.requestId === requestId)?.[0]
  }

  /** Whether it is about a payment there is, or makes one. */
  knows({ name, args }: Ask): boolean {
    return name === 'settle_x402_payment' || this.#state.payments.has(args.payment_id)
  }

  #has({ name, args }: Ask): boolean {
    const payment = this.#state.payments.get(args.payment_id)
    if (name === 'settle_x402_payment') return payment !== undefined
    if (name === 'capture_x402_payment') return payment?.capture != null
    return payment?.refunds.has(args.refund_id) === true
  }

  async #happened({ name, args }: Ask): Promise<boolean> {
    const { sql } = this.#world.database
    const id = args.payment_id
    if (name === 'settle_x402_payment') {
      return (await sql`select from ledger.payments where id = ${id}`).length > 0
    }
    if (name === 'capture_x402_payment') {
      return (await sql`select from ledger.captures where payment_id = ${id}`).length > 0
    }
    return (
      (
        await sql`select from ledger.refunds
          where payment_id = ${id} and refund_id = ${args.refund_id}`
      ).length > 0
    )
  }

  /** What these wallets and endpoints have, by the model, in the shape of `storedOf`. */
  told(agents: readonly Agent[], endpoints: readonly Endpoint[]): unknown {
    const { wallets, payments, redemptions, inbox, earnings } = this.#state
    const ids = agents.map(({ walletId }) => walletId)
    return {
      wallets: ids.map((id) => {
        const wallet = wallets.get(id)
        return [`${wallet?.balance}`, `${wallet?.daySpent}`, `${wallet?.monthSpent}`]
      }),
      payments: [...payments]
        .filter(([, { walletId }]) => ids.includes(walletId))
        .map(([id, it]) => [
          ...[id, it.requestId, it.endpointId, `${it.amount}`, it.state],
          it.capture && `${it.capture.captured} ${it.capture.released}`,
          redemptions.get(id)?.attemptId ?? null,
          [...it.refunds].map(([name, { amount }]) => `${name} ${amount}`).sort(),
        ])
        .sort(([one], [other]) => (`${one}` < `${other}` ? -1 : 1)),
      earned: endpoints.map((endpoint) => {
        const key = earningsKey({ providerId: endpoint.provider.id, currency: endpoint.currency })
        const waiting = inbox.filter((credit) => earningsKey(credit) === key)
        return `${waiting.reduce((sum, it) => sum + it.amount, earnings.get(key) ?? 0n)}`
      }),
    }
  }
}

/** What an answer says that the model does not. */
function difference({ status, body, text }: Answer, told: Told): string | undefined {
  const said = status === 200 ? doneBy(body) : body.code
  const expected = told.outcome === 'refused' ? told.reason : told.outcome
  const isSame =
    said === expected &&
    (said !== 'payment' || body.paymentId === told.payment?.payment_id) &&
    (said !== 'payment' || body.replayed === told.replayed) &&
    (body.balance === undefined || body.balance === decimal(told.balance ?? '')) &&
    (said !== 'captured' || body.captured === decimal(told.payment?.capture?.captured ?? ''))
  return isSame ? undefined : `${status} ${text}, and the model says ${JSON.stringify(told)}`
}

function doneBy(body: Answer['body']): string {
  if (body.success === false) return body.reason
  if (body.refundId !== undefined) return 'refunded'
  return body.success ? 'captured' : 'payment'
}

/** What the ledger has of these wallets and endpoints. */
export async function storedOf(
  { database: { sql } }: World,
  agents: readonly Agent[],
  endpoints: readonly Endpoint[],
): Promise<unknown> {
  const ids = agents.map(({ walletId }) => walletId)
  const wallets = await sql`
    select balance::text, day_spent::text, month_spent::text from ledger.wallets
    where id = any (${ids}) order by array_position(${ids}::uuid[], id)`
  const payments = await sql`
    select p.id, p.request_id, p.endpoint_id, p.amount::text, p.state,
      c.captured || ' ' || c.released as capture, r.attempt_id,
      array(select f.refund_id || ' ' || f.amount from ledger.refunds as f
        where f.payment_id = p.id order by 1) as refunds
    from ledger.payments as p
    left join ledger.captures as c on c.payment_id = p.id
    left join ledger.redemptions as r on r.payment_id = p.id
    where p.wallet_id = any (${ids}) order by p.id`
  const earned = endpoints.map(async ({ provider, currency }) => {
    const [row] = await sql`
      select (coalesce((select e.balance from ledger.earnings as e
          where e.provider_id = ${provider.id} and e.currency = ${currency}), 0)
        + coalesce((select sum(i.amount) from ledger.credit_inbox as i
          where i.provider_id = ${provider.id} and i.currency = ${currency}), 0))::text as sum`
    return row?.['sum']
  })
  return {
    wallets: wallets.map((row) => Object.values(row)),
    payments: payments.map((row) => Object.values(row)),
    earned: await Promise.all(earned),
  }
}
