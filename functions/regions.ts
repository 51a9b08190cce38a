import type { Escrow, LeaseStore } from '../shared/ports/leases.ts'
import type { Quotes } from '../shared/ports.ts'
import type { PayosContext } from './http.ts'

/** A place with a Redis of its own, from which edges nearby promise payments. */
export type Region = {
  name: string
  /** Continents it is near to, by their two letters; `*` is everywhere, none a region that is given up. */
  continents: readonly string[]
  leases: LeaseStore
  escrow: Escrow
  /** The quotes its leases promise by. */
  quotes: Quotes
}

/** The region near the edge that answers this request; without one, payments are settled at once. */
export function nearestRegion(c: PayosContext, regions: readonly Region[]): Region | undefined {
  const { continent = '' } = (c.req.raw as { cf?: { continent?: string } }).cf ?? {}
  return regions.find(
    ({ continents }) => continents.includes(continent) || continents.includes('*'),
  )
}
