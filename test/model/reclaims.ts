import { heldIn, spentIn } from './leases.ts'
import { type Lease, type State, seconds, unix } from './state.ts'

export function noteDrained(
  ledger: State,
  args: { region: string; shards: number[]; as_of: number | null },
) {
  const { as_of: asOf } = args
  if (asOf !== null) {
    for (const shard of args.shards) {
      const key = `${args.region} ${shard}`
      const through = Math.min(asOf * 1000, ledger.now)
      ledger.watermarks.set(key, Math.max(ledger.watermarks.get(key) ?? through, through))
    }
  }
  return { as_of: unix(ledger.now) }
}

const isDrained = (ledger: State, lease: Lease): boolean => {
  const through = ledger.watermarks.get(`${lease.region} ${lease.shard}`)
  return through !== undefined && through >= lease.grantedAt + seconds(60)
}

/** Gives back what is left of leases whose proofs have run out and whose shard was drained since. */
export function reclaimLeases(ledger: State, args: { most: number }) {
  const due = [...ledger.leases]
    .filter(([, lease]) => lease.state !== 'reclaimed' && lease.reclaimAfter <= ledger.now)
    .sort(([one, a], [other, b]) => a.reclaimAfter - b.reclaimAfter || (one < other ? -1 : 1))
  const ready = due.filter(
    ([, lease]) => isDrained(ledger, lease) && balanceOf(ledger, lease) + lease.escrow < 2n ** 53n,
  )
  for (const [, lease] of ready.slice(0, args.most)) reclaim(ledger, lease)
  const stalled = due.filter(([, lease]) => !isDrained(ledger, lease)).length
  return { reclaimed: Math.min(ready.length, args.most), stalled }
}

const balanceOf = (ledger: State, { walletId }: Lease): bigint =>
  ledger.wallets.get(walletId)?.balance ?? 0n

function reclaim(ledger: State, lease: Lease): void {
  const wallet = ledger.wallets.get(lease.walletId)
  if (!wallet) throw new Error('a lease has no wallet')
  const rest = heldIn(lease)
  lease.state = 'reclaimed'
  lease.returned = rest
  lease.reclaimedAt = ledger.now
  wallet.balance += rest
  const spent = spentIn(wallet, lease.policyDay)
  if (wallet.day === lease.policyDay) wallet.daySpent = spent.day - rest
  if (wallet.month === `${lease.policyDay.slice(0, 7)}-01`) wallet.monthSpent -= rest
}
