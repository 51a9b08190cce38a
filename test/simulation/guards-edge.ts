import type { Deps } from '../../functions/deps.ts'
import type { Region } from '../../functions/regions.ts'
import type { Reservation } from '../../shared/domain/lease.ts'
import type { Escrow, LeaseStore, Promised, PromiseOutcome } from '../../shared/ports/leases.ts'
import type { Trips } from '../../shared/ports.ts'
import type { Ablation } from './ablation.ts'

type Regional = { leases?: Partial<LeaseStore>; escrow?: Partial<Escrow> }

/** An edge whose regions do some things otherwise. */
const regionally =
  (otherwise: (region: Region) => Regional) =>
  (deps: Deps): Deps => ({
    ...deps,
    regions: deps.regions.map((region) => {
      const { leases, escrow } = otherwise(region)
      return {
        ...region,
        leases: { ...region.leases, ...leases },
        escrow: { ...region.escrow, ...escrow },
      }
    }),
  })

const isShown = (promised: readonly Promised[]) => promised.some((it) => 'jti' in it)

/** Settles a batch that raises record by record. */
async function oneByOne(escrow: Escrow, promised: readonly Promised[], trips?: Trips) {
  try {
    return await escrow.settle(promised, trips)
  } catch (cause) {
    if (promised.length === 1) throw cause
    const outcomes: PromiseOutcome[] = []
    for (const one of promised) {
      const said = await escrow.settle([one], trips).catch(() => undefined)
      outcomes.push(said?.outcomes[0] ?? { outcome: 'failed', code: 'raises' })
    }
    return { asOf: 0, outcomes }
  }
}

/** Says of its end, to who asks first whether that is past, that it is not. */
function neverOver(reservation: Reservation): Reservation {
  const { expiresAt } = reservation
  let isAsked = false
  return Object.defineProperty({ ...reservation }, 'expiresAt', {
    enumerable: true,
    get() {
      const said = isAsked ? expiresAt : Number.POSITIVE_INFINITY
      isAsked = true
      return said
    },
  })
}

/** Guards of the edge itself. */
export const edgeGuards = {
  'unknown after a reservation that may have happened': {
    deps: regionally(({ leases }) => ({
      leases: {
        async reserve(order, nowSeconds, trips) {
          const said = await leases.reserve(order, nowSeconds, trips)
          return said.kind === 'unknown' ? { kind: 'declined', reason: 'unavailable' } : said
        },
      },
    })),
  },
  'unknown after a reservation whose record is lost': {
    deps: regionally(({ leases }) => ({
      leases: {
        async reserve(order, nowSeconds, trips) {
          const said = await leases.reserve(order, nowSeconds, trips)
          const isLost = said.kind === 'declined' && said.reason === 'record_lost'
          return isLost ? { kind: 'declined', reason: 'unavailable' } : said
        },
      },
    })),
  },
  'a proof that is over is no answer': {
    deps: regionally(({ leases }) => ({
      leases: {
        async reserve(order, nowSeconds, trips) {
          const said = await leases.reserve(order, nowSeconds, trips)
          return said.kind === 'repeated'
            ? { ...said, reservation: neverOver(said.reservation) }
            : said
        },
      },
    })),
  },
  'the watermark is from before the stream was read': {
    deps: regionally(({ escrow }) => ({
      escrow: {
        async noteDrained(shards, asOf) {
          if (asOf === undefined) return escrow.noteDrained(shards, asOf)
          return escrow.noteDrained(shards, await escrow.noteDrained([], undefined))
        },
      },
    })),
  },
  'a proof is settled before it is called good': {
    deps: (deps) => ({
      ...deps,
      settling: {
        ...deps.settling,
        async settle(promised, trips) {
          if (!isShown(promised)) return deps.settling.settle(promised, trips)
          return { asOf: 0, outcomes: promised.map(() => ({ outcome: 'replayed' })) }
        },
      },
    }),
  },
  'a batch that raises is halved, not taken apart': {
    deps: regionally(({ escrow }) => ({
      escrow: { settle: (promised, trips) => oneByOne(escrow, promised, trips) },
    })),
  },
  'a batch that raises is halved': {
    deps: regionally(({ escrow }) => ({
      escrow: {
        settle: (promised, trips) =>
          escrow.settle(promised, trips).catch(() => {
            throw new Error('whatever it was')
          }),
      },
    })),
  },
  'what nobody can settle is set aside': {
    deps: regionally(() => ({ leases: { quarantine: async () => false } })),
  },
  'the clock drains what no message woke': {
    deps: regionally(() => ({ leases: { survey: async () => [] } })),
  },
  'only an empty shard counts as drained': {
    deps: regionally(({ leases }) => ({
      leases: {
        survey: async () => (await leases.survey()).map(() => ({ count: 0, since: undefined })),
      },
    })),
  },
} satisfies Record<string, Ablation>
