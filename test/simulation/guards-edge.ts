import type { Deps } from '../../functions/deps.ts'
import type { Region } from '../../functions/regions.ts'
import type { Escrow, LeaseStore, Promised } from '../../shared/ports/leases.ts'
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
  'a proof is settled before it is called good': {
    deps: regionally(({ escrow }) => ({
      escrow: {
        async settle(promised, trips) {
          if (!isShown(promised)) return escrow.settle(promised, trips)
          return { asOf: 0, outcomes: promised.map(() => ({ outcome: 'replayed' })) }
        },
      },
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
