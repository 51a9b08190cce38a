import type { WalletId } from '../../shared/domain/ids.ts'
import { shardOf } from '../../shared/domain/lease.ts'
import { putAgent, putEndpoint, putPolicy, putSigner } from '../model/cast.ts'
import type { Agents } from './agents.ts'
import type { SimulatedDatabase } from './database.ts'
import { REGIONS } from './edge.ts'
import { cast, endpointOf, limits, offers, payers, priceIn, shards } from './parties.ts'
import type { Providers } from './providers.ts'
import { Random } from './random.ts'
import { forgedRecord, poisonRecord } from './records.ts'
import type { SimulatedRedis } from './redis.ts'
import type { Action } from './story.ts'
import type { Timeline } from './timeline.ts'
import type { Weather } from './weather.ts'
import type { Witness } from './witness.ts'

type Stage = {
  seed: bigint
  random: Random
  timeline: Timeline
  weather: Weather
  witness: Witness
  database: SimulatedDatabase
  redis: SimulatedRedis[]
  agents: Agents
  providers: Providers
}

/** Makes what a story tells happen, and keeps account of what it takes from whom. */
export class Happenings {
  readonly #stage: Stage
  readonly #down = new Map<string, number>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  isDown(what: string): boolean {
    return (this.#down.get(what) ?? 0) > this.#stage.timeline.now
  }

  /** Whatever is down comes up, and histories are one again. */
  calm(): void {
    this.#stage.weather.isCalm = true
    this.#down.clear()
    for (const region of this.#stage.redis.keys()) this.#heal(region)
  }

  act(action: Action): void {
    const { weather } = this.#stage
    if (weather.isCalm) return
    if (action.do !== 'remember' && action.do !== 'pay') weather.note(`world: ${action.do}`)
    const act = this.#acts[action.do] as (action: Action) => unknown
    void act(action)
  }

  /** What Redis loses of its streams by what `happens`. */
  #losing(region: number, happens: (redis: SimulatedRedis) => void): void {
    const redis = this.#stage.redis[region]
    if (!redis) return
    const name = REGIONS[region] ?? ''
    const sides = redis.isSplit ? [0, 1] : [0]
    const before = sides.map((side) => redis.promised('test', name, { shards, side }))
    happens(redis)
    this.#stage.witness.forgot(name, untilWhen(redis))
    const after = redis.promised('test', name, { shards, side: 0 })
    for (const id of before.flatMap((ids) => [...ids])) {
      if (!after.has(id)) this.#stage.witness.lost.add(id)
    }
  }

  #heal(region: number): void {
    if (!this.#stage.redis[region]?.isSplit) return
    const winner = this.#stage.random.below(2)
    this.#fork(region, 'split')
    this.#losing(region, (redis) => redis.heal(winner))
  }

  #fork(region: number, by: 'roll back' | 'split'): void {
    const at = this.#stage.timeline.now
    this.#stage.witness.forks.push({ region: REGIONS[region] ?? '', at, by })
  }

  #operate(name: string, args: Record<string, unknown>): void {
    this.#stage.database.call(name, args)
  }

  readonly #acts: { [Do in Action['do']]: (action: Extract<Action, { do: Do }>) => unknown } = {
    pay: (action) => this.#stage.agents.pay(action),
    'present all': ({ id }) =>
      this.#stage.providers.presentAll(Random.of(this.#stage.seed, `all ${id}`)),
    remember: ({ region }) =>
      this.#stage.redis[region]?.isSplit || this.#stage.redis[region]?.remember(),
    'prepare again': ({ region }) => this.#stage.redis[region]?.again('prepare'),
    'install again': ({ region }) => this.#stage.redis[region]?.again('install'),
    reset: ({ region }) => this.#losing(region, (redis) => redis.reset()),
    'roll back': ({ region, steps }) => {
      this.#fork(region, 'roll back')
      this.#losing(region, (redis) => redis.rollBack(steps))
    },
    split: ({ region }) => {
      this.#fork(region, 'split')
      this.#stage.witness.forgot(REGIONS[region] ?? '', Number.POSITIVE_INFINITY)
      this.#stage.redis[region]?.split()
      this.#stage.timeline.after(this.#stage.random.between(2_000, 20_000), () =>
        this.#heal(region),
      )
    },
    outage: ({ of, ms, region }) => {
      this.#stage.weather.note(`world: outage of ${of}`)
      this.#down.set(of === 'redis' ? `redis ${region}` : of, this.#stage.timeline.now + ms)
    },
    allow: ({ payer, payment, day, provider }) => {
      const providers = provider < 0 ? undefined : [provider]
      const allowed = limits({
        payment: `${payment}`,
        day: `${day}`,
        ...(providers && { providers }),
      })
      const { name, args } = putPolicy(payers[payer]?.wallet ?? 0, allowed)
      this.#operate(name, args)
    },
    freeze: ({ payer, ms }) => {
      const put = (status: string) =>
        this.#operate('put_x402_wallet', { ...walletOf(payer), status })
      put('frozen')
      this.#stage.timeline.after(ms, () => put('active'))
    },
    revoke: ({ payer }) =>
      this.#operate('revoke_x402_leases', { wallet_id: walletOf(payer).wallet_id }),
    stop: ({ payer, ms }) => {
      const { wallet_id } = walletOf(payer)
      this.#operate('stop_x402_leases', { wallet_id, reason: 'operator' })
      this.#stage.timeline.after(ms, () => this.#operate('resume_x402_leases', { wallet_id }))
    },
    close: ({ provider, ms }) => {
      const put = (status: string) =>
        this.#operate('put_x402_provider', {
          ...{ provider_id: cast.providers[provider], name: `provider ${provider}`, status },
        })
      put('closed')
      this.#stage.timeline.after(ms, () => put('active'))
    },
    reprice: ({ offer, by }) =>
      this.#operate('announce_x402_price', {
        endpoint_id: endpointOf(offers[offer] ?? offers[0]),
        price: String(priceIn(this.#stage.database.ledger, offer) + by),
        valid_from: new Date(this.#stage.database.nowMs + 181_000).toISOString(),
      }),
    deposit: ({ id, payer, amount }) =>
      this.#operate('deposit_x402_funds', {
        transfer_id: `d0000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
        wallet_id: walletOf(payer).wallet_id,
        amount: String(amount),
      }),
    poison: ({ region, payer, id }) => {
      const stream = `payos:test:${REGIONS[region]}:stream:${(payers[payer]?.wallet ?? 0) + 1}`
      const record = id % 2 === 0 ? `poison ${id}` : poisonRecord(id, walletOf(payer))
      this.#stage.redis[region]?.command(['XADD', stream, '*', 'record', record])
    },
    evict: ({ region, what }) => {
      const name = REGIONS[region] ?? ''
      this.#stage.redis[region]?.evict(name, what, this.#stage.random)
      // What a payment was is forgotten; that its request was promised is not.
      const until = untilWhen(this.#stage.redis[region])
      if (what === 'request') this.#stage.witness.forgot(name, until)
      else this.#stage.witness.lostRecords(name, until)
    },
    forge: ({ region, what, id }) => {
      // Only of what is settled: whoever writes a record first may draw on a lease, as Redis may.
      const { payments } = this.#stage.database.ledger
      const made = [...this.#stage.witness.reserved.values()].flat()
      const settled = made.filter(({ paymentId }) => payments.has(paymentId))
      const copied = settled[this.#stage.random.below(settled.length)]
      if (!copied) return
      const shard = shardOf(copied.walletId as WalletId)
      const stream = `payos:test:${REGIONS[region]}:stream:${shard}`
      const record = forgedRecord(copied, { id, what })
      this.#stage.redis[region]?.command(['XADD', stream, '*', 'record', record])
    },
    suspend: ({ payer, ms }) => {
      const put = (status: string) => {
        const { name, args } = putAgent(payers[payer]?.agent ?? 0, status)
        this.#operate(name, args)
      }
      put('suspended')
      this.#stage.timeline.after(ms, () => put('active'))
    },
    sync: ({ payer, ms }) => {
      const { wallet_id } = walletOf(payer)
      const put = (settlement: string) =>
        this.#operate('put_x402_settlement', { wallet_id, settlement })
      put('sync')
      this.#stage.timeline.after(ms, () => put('async'))
    },
    sign: ({ payer }) => {
      const { name, args } = putSigner(payers[payer]?.agent ?? 0, 0, false)
      this.#operate(name, args)
    },
    pause: ({ offer, ms }) => {
      const put = (status: string) => {
        const { name, args } = putEndpoint(offers[offer]?.endpoint ?? 0, status)
        this.#operate(name, args)
      }
      put('paused')
      this.#stage.timeline.after(ms, () => put('active'))
    },
  }
}

function walletOf(payer: number) {
  const { wallet, agent, currency } = payers[payer] ?? payers[0]
  return { wallet_id: cast.wallets[wallet], agent_id: cast.agents[agent], currency }
}

/** A half of a split goes on not knowing what the other promises, until the split is over. */
const untilWhen = (redis: SimulatedRedis | undefined): number | undefined =>
  redis?.isSplit ? Number.POSITIVE_INFINITY : undefined
