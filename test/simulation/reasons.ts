import type { Guard } from './guards.ts'

/** Why something is not done because nothing is there to do it with: no guard, and none to take out. */
type Absent = { absent: string }

const raises = { absent: 'there is nothing to read: the script raises before it writes' }
const nobody = { absent: 'there is no row to take from, or to write to' }

/** Every reason for which a script or a function of the ledger says no, and the guard that it names. */
export const GUARD_OF: Record<string, Guard | readonly Guard[] | Absent> = {
  // reserve
  other_caller: 'a promise is told to its caller alone',
  record_lost: [
    'a promise whose record is lost is not made anew',
    'unknown after a reservation whose record is lost',
  ],
  no_lease: raises,
  key: 'a lease knows the keys of its agent',
  signer: 'a lease knows who has to sign',
  no_quote: 'a quote is promised by while it is fresh',
  endpoint: 'a promise is for an endpoint that takes payments',
  currency: 'a promise is in one currency',
  resource: [
    'a promise is for a method of its endpoint',
    'a promise is for a resource of its endpoint',
  ],
  price: 'a promise is of a price that counts',
  payment_max: 'a promise is within the maximum of a payment',
  provider: 'a promise goes to whom the policy allows',
  exhausted: 'a promise is within what is left of the lease',
  // install
  old_epoch: ['epoch compare', 'install nonce and epoch compare'],
  too_late: 'a lease that would be over is not installed',
  // grant; install says no_right of its own
  not_found: nobody,
  no_policy: nobody,
  wallet_frozen: 'a frozen wallet gets no lease',
  agent_suspended: 'a suspended agent gets no lease',
  no_right: ['a wallet that pays at once gets no lease', 'single-use install nonce'],
  stopped: 'a stopped wallet gets no lease',
  lease_ended: 'a grant that ended is not told again',
  no_room: ['a grant is within the caps', 'leases hold a share of the funds'],
  // settle
  malformed: nobody,
  lease_unknown: nobody,
  payment_mismatch: 'a record says what its payment says',
  redemption_over: 'a payment is not promised again when it is old',
  lease_mismatch: "a record is of its lease's wallet",
  endpoint_mismatch: "a record is of its endpoint's provider",
  lease_reclaimed: 'reclaimed is the fence',
  lease_overdrawn: 'a lease pays no more than it holds',
}
