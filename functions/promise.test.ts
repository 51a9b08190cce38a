import { describe, it } from 'vitest'
import type { Reservation } from '../shared/domain/lease.ts'
import { Amount } from '../shared/domain/money.ts'
import type { Order } from '../shared/domain/payment.ts'
import type { LeaseStore, Reserved } from '../shared/ports/leases.ts'
import type { PayosContext } from './http.ts'
import { memoryOf } from './memory.ts'
import { askLease, type PromiseDeps } from './promise.ts'
import type { Region } from './regions.ts'

const clock = { nowSeconds: () => 1_000 }
const WALLET = '70000000-0000-4000-8000-0000000000ef'

const order = {
  settlement: 'async',
  content: { walletId: WALLET, endpointId: 'an endpoint', amount: Amount.decode('10') },
} as unknown as Order

/** A region that promises whatever it is asked for, and has plenty. */
function regionOf(name: string, continents: string[]): Region {
  const reserved: Reserved = {
    kind: 'reserved',
    reservation: { walletId: WALLET } as unknown as Reservation,
    left: { remaining: Amount.decode('900'), lifeMs: 50_000 },
    waitsMs: 0,
  }
  const remaining = { id: 'a lease', limit: Amount.decode('1000'), ...reserved.left }
  const leases = {
    reserve: async () => reserved,
    remaining: async () => remaining,
  } as unknown as LeaseStore
  return { name, continents, leases } as unknown as Region
}

describe('promises of one isolate in two regions', () => {
  it('wake both, though shard and second are the same', async ({ expect }) => {
    const woken: string[] = []
    const work: (Promise<unknown> | undefined)[] = []
    const deps = {
      clock,
      regions: [regionOf('south', ['SA']), regionOf('north', ['*'])],
      leaseless: memoryOf({ max: 9, seconds: 9, clock }),
      tended: memoryOf({ max: 9, seconds: 9, clock }),
      meter: { cache: () => {} },
      ledger: { quote: async () => ({ ok: false }) },
      wakes: {
        wakeShard: async ({ region }: { region: string }) => woken.push(region) > 0,
      },
      later: (_: unknown, it: Promise<unknown> | undefined) => work.push(it),
    } as unknown as PromiseDeps

    for (const continent of ['SA', 'EU', 'SA']) {
      const c = { req: { raw: { cf: { continent } } }, var: {} } as unknown as PayosContext
      await askLease(c, deps, order)
    }
    await Promise.all(work)

    expect(woken).toEqual(['south', 'north'])
  })
})
