import { it } from 'vitest'
import type { Lease } from '../../../shared/domain/lease.ts'
import type { Quote } from '../../../shared/domain/quote.ts'
import {
  type Asked,
  amount,
  KEY_HASH,
  type LeaseRegion,
  leaseId,
  NOW,
  SHARD,
  SIGNER,
  WALLET,
} from './region.ts'

type Case = {
  that: string
  asked?: Asked
  lease?: Partial<Lease>
  quote?: Partial<Quote>
  reason: string
}

const inThreeMinutes = { amount: amount('20'), priceVersion: 4, validFrom: NOW + 180 }

const declined: Case[] = [
  { that: 'a key the lease does not list', asked: { keyHash: 'cd'.repeat(32) }, reason: 'key' },
  { that: 'no signature', lease: { thumbprints: [SIGNER] }, reason: 'signer' },
  {
    that: 'no signature when every signer was revoked',
    lease: { thumbprints: [] },
    reason: 'signer',
  },
  {
    that: 'a signer when every one was revoked',
    lease: { thumbprints: [] },
    asked: { thumbprint: SIGNER },
    reason: 'signer',
  },
  {
    that: 'another signer',
    lease: { thumbprints: [SIGNER] },
    asked: { thumbprint: 't'.repeat(43) },
    reason: 'signer',
  },
  { that: 'an inactive endpoint', quote: { active: false }, reason: 'endpoint' },
  {
    that: 'another currency than the endpoint takes',
    asked: { currency: 'EURC' },
    reason: 'currency',
  },
  {
    that: 'another currency than the lease holds',
    lease: { currency: 'EURC' },
    reason: 'currency',
  },
  { that: 'another method', asked: { method: 'POST' }, reason: 'resource' },
  {
    that: 'a sibling of the registered URL',
    asked: { href: 'https://api.example/weathers' },
    reason: 'resource',
  },
  {
    that: 'another origin',
    asked: { href: 'https://api.example.org/weather' },
    reason: 'resource',
  },
  { that: 'another amount', asked: { amount: '11' }, reason: 'price' },
  {
    that: 'a price that is over',
    quote: { next: { ...inThreeMinutes, validFrom: NOW - 30 } },
    reason: 'price',
  },
  {
    that: 'the next price a moment after it began',
    quote: { next: { ...inThreeMinutes, validFrom: NOW } },
    asked: { amount: '20', at: NOW + 29 },
    reason: 'price',
  },
  { that: 'a quote of more than a minute ago', asked: { at: NOW + 61 }, reason: 'no_quote' },
  { that: 'nothing', quote: { amount: amount('0') }, asked: { amount: '0' }, reason: 'price' },
  {
    that: 'more than the policy allows at once',
    lease: { paymentMax: amount('9') },
    reason: 'payment_max',
  },
  { that: 'a provider the policy does not list', lease: { providers: [] }, reason: 'provider' },
  { that: 'more than is left', lease: { limit: amount('9') }, reason: 'exhausted' },
]

/** What a lease promises, and what it leaves to the ledger. */
export function reserving(region: () => LeaseRegion) {
  promising(region)
  repeating(region)
  declining(region)
  counting(region)
}

function promising(region: () => LeaseRegion) {
  it('is made and counted', async ({ expect }) => {
    await region().lend()

    const first = await region().reserve({ requestId: 'a' })
    const second = await region().reserve({
      requestId: 'b',
      href: 'https://api.example/weather/lima?c=d',
    })

    expect(first).toMatchObject({
      kind: 'reserved',
      reservation: {
        walletId: WALLET,
        requestId: 'a',
        amount: 10n,
        priceVersion: 3,
        resource: 'https://api.example/weather',
        leaseId: leaseId(1),
        epoch: 1,
        seq: 1,
        madeAt: NOW,
        expiresAt: NOW + 120,
        keyHash: KEY_HASH,
        thumbprint: undefined,
      },
      left: { remaining: 90n },
    })
    expect(second).toMatchObject({
      reservation: { seq: 2, resource: 'https://api.example/weather/lima?c=d' },
      left: { remaining: 80n },
    })
  })
}

function repeating(region: () => LeaseRegion) {
  it('repeated is the same one, though everything else has changed', async ({ expect }) => {
    await region().lend()
    const first = await region().reserve()
    await region().quote({ active: false })
    await region().store.revoke(WALLET)

    const again = await region().reserve({ at: NOW + 100 })

    const { reservation } = first as Extract<typeof first, { kind: 'reserved' }>
    expect(again).toEqual({ kind: 'repeated', reservation })
  })

  it('with other content under its request id is a conflict', async ({ expect }) => {
    await region().lend()
    await region().reserve({ requestId: 'a' })

    const other = await region().reserve({ requestId: 'a', href: 'https://api.example/weather?x' })

    expect(other).toEqual({ kind: 'conflict' })
    expect(await region().store.remaining(WALLET)).toMatchObject({ remaining: 90n })
  })

  it('is shown to its own caller only, a conflict too', async ({ expect }) => {
    await region().lend({ keyHashes: [KEY_HASH, 'cd'.repeat(32)], thumbprints: undefined })
    await region().reserve({ requestId: 'a' })
    const foreign = { kind: 'declined', reason: 'other_caller' }

    for (const stranger of [{ keyHash: 'cd'.repeat(32) }, { thumbprint: SIGNER }]) {
      expect(await region().reserve({ requestId: 'a', ...stranger })).toEqual(foreign)
      expect(await region().reserve({ requestId: 'a', amount: '20', ...stranger })).toEqual(foreign)
    }
  })
}

function declining(region: () => LeaseRegion) {
  it.for(declined)(
    'leaves $that to the ledger',
    async ({ asked, lease, quote, reason }, { expect }) => {
      await region().lend(lease, quote)

      expect(await region().reserve(asked)).toEqual({ kind: 'declined', reason })

      expect(await region().store.read(SHARD, 10)).toEqual({ waiting: 0, records: [] })
      expect(await region().find(asked)).toEqual({ kind: 'absent' })
    },
  )

  it('leaves an endpoint nobody quoted to the ledger', async ({ expect }) => {
    await region().store.install(region().lease(), await region().prepare())

    expect(await region().reserve()).toEqual({ kind: 'declined', reason: 'no_quote' })
  })

  it.for([
    { amount: '20', at: NOW + 30 },
    { amount: '10', at: NOW + 29 },
  ])('takes $amount at a moment when the ledger surely does', async (asked, { expect }) => {
    await region().lend({}, { next: { ...inThreeMinutes, validFrom: NOW } })

    expect(await region().reserve(asked)).toMatchObject({ kind: 'reserved' })
  })
}

function counting(region: () => LeaseRegion) {
  it('signed by a listed key names it', async ({ expect }) => {
    await region().lend({ thumbprints: ['t'.repeat(43), SIGNER] })

    const made = await region().reserve({ thumbprint: SIGNER })

    expect(made).toMatchObject({ reservation: { thumbprint: SIGNER } })
  })

  it('loses no digit of the largest amounts', async ({ expect }) => {
    const limit = amount('9007199254740991')
    await region().lend({ limit, paymentMax: limit }, { amount: amount('9007199254740989') })

    const first = await region().reserve({ requestId: 'a', amount: '9007199254740989' })
    await region().quote({ amount: amount('1') })
    const second = await region().reserve({ requestId: 'b', amount: '1' })

    expect(first).toMatchObject({
      reservation: { amount: 9007199254740989n },
      left: { remaining: 2n },
    })
    expect(second).toMatchObject({ left: { remaining: 1n } })
  })

  it('promises every unit of the limit and none beyond, whoever asks at once', async ({
    expect,
  }) => {
    await region().lend({ limit: amount('95') })

    const asked = Array.from({ length: 15 }, (_, n) => region().reserve({ requestId: `r${n}` }))
    const kinds = (await Promise.all(asked)).map(({ kind }) => kind)

    expect(kinds.filter((kind) => kind === 'reserved')).toHaveLength(9)
    expect(await region().store.remaining(WALLET)).toMatchObject({ remaining: 5n })
  })
}
