import { describe, it } from 'vitest'
import type { Reservation } from './lease.ts'
import { Amount } from './money.ts'
import type { Payment } from './payment.ts'
import {
  claimsFor,
  claimsOfPromise,
  type Expectation,
  firstOf,
  judgeClaims,
  ProofClaims,
  proofReasons,
} from './proof.ts'
import { networkOf } from './proof-terms.ts'

const MADE = 1_795_000_000
const id = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-${digit.repeat(12)}`

const payment = {
  id: id('1'),
  walletId: id('2'),
  agentId: id('3'),
  requestId: 'request',
  endpointId: id('4'),
  providerId: id('5'),
  amount: Amount.parse('1000'),
  currency: 'USDC',
  priceVersion: 3,
  resourceHash: 'r'.repeat(22),
  state: 'settled',
  conflict: false,
  madeAt: MADE,
  redeemable: true,
  holdExpiresAt: undefined,
  capture: undefined,
  refunds: [],
} as unknown as Payment

const by = {
  issuer: 'https://edge.example',
  environment: 'test',
  nowSeconds: MADE,
  thumbprint: undefined,
} as const

const held = (holdExpiresAt: number): Payment => ({ ...payment, state: 'held', holdExpiresAt })

describe('claimsFor', () => {
  it('says exactly what was paid, by whom, to whom and for what', ({ expect }) => {
    expect(claimsFor(payment, by)).toEqual({
      iss: 'https://edge.example',
      aud: id('5'),
      sub: id('3'),
      jti: id('1'),
      eid: id('4'),
      rid: 'request',
      amount: '1000',
      asset: 'USDC',
      network: 'payos:test',
      rsh: 'r'.repeat(22),
      st: 'settled',
      pv: 3,
      iat: MADE,
      exp: MADE + 120,
      rdm: MADE + 900,
    })
  })

  it.for<[string, Payment, number, number]>([
    ['120 seconds after it was signed', payment, 0, 120],
    ['120 seconds after it was signed again', payment, 700, 820],
    ['with the redemption', payment, 800, 900],
    ['with the hold', held(MADE + 60), 0, 60],
    ['before a hold of a day', held(MADE + 86_400), 0, 120],
    ['with the redemption, before a hold of a day', held(MADE + 86_400), 850, 900],
  ])('ends %s', ([, paid, signedAfter, endsAfter], { expect }) => {
    const { exp, iat } = claimsFor(paid, { ...by, nowSeconds: MADE + signedAfter })
    expect([iat - MADE, exp - MADE]).toEqual([signedAfter, endsAfter])
  })

  it('tells until when a hold can be captured, and of a settled payment nothing', ({ expect }) => {
    expect(claimsFor(held(MADE + 60), by)).toMatchObject({ st: 'held', holdExp: MADE + 60 })
    const captured = claimsFor({ ...payment, holdExpiresAt: MADE + 60 }, by)
    expect([captured.st, 'holdExp' in captured, captured.exp]).toEqual([
      'settled',
      false,
      MADE + 120,
    ])
  })

  it('names the key of an agent that has one, and the network of its environment', ({ expect }) => {
    const signed = claimsFor(payment, { ...by, thumbprint: 't'.repeat(43), environment: 'live' })
    expect(signed).toMatchObject({ cnf: { jkt: 't'.repeat(43) }, network: 'payos:main' })
    expect([networkOf('test'), networkOf('live')]).toEqual(['payos:test', 'payos:main'])
  })
})

describe('claimsOfPromise', () => {
  const promised = {
    ...payment,
    paymentId: id('1'),
    method: 'GET',
    resource: 'https://api.example/weather',
    leaseId: id('7'),
    epoch: 2,
    seq: 9,
    expiresAt: MADE + 77,
    keyHash: 'k',
    thumbprint: 't'.repeat(43),
  } as unknown as Reservation & { resourceHash: string }

  it('says the same of a promise, held by its lease, until the promised moment', ({ expect }) => {
    const { thumbprint: _, ...issuing } = by
    const { exp: __, ...same } = claimsFor(payment, by)
    expect(claimsOfPromise(promised, { ...issuing, nowSeconds: MADE })).toEqual({
      ...same,
      st: 'held',
      exp: MADE + 77,
      lse: id('7'),
      seq: 9,
      cnf: { jkt: 't'.repeat(43) },
    })
  })
})

const claims = ProofClaims.parse(claimsFor(payment, by))
const expected: Expectation = {
  issuer: 'https://edge.example',
  network: 'payos:test',
  nowSeconds: MADE,
  endpointId: id('4'),
  minimum: Amount.parse('1000'),
  resourceHashes: ['x'.repeat(22), 'r'.repeat(22)],
}

describe('judgeClaims', () => {
  it.for<[string, Partial<Expectation>, string[]]>([
    ['all as expected', {}, []],
    ['another issuer', { issuer: 'https://edge.example/' }, ['proof_wrong_issuer']],
    ['another endpoint', { endpointId: id('6') }, ['proof_wrong_endpoint']],
    ['any endpoint', { endpointId: undefined }, []],
    ['another network', { network: 'payos:main' }, ['proof_wrong_network']],
    ['five seconds past its end', { nowSeconds: MADE + 125 }, []],
    ['six seconds past its end', { nowSeconds: MADE + 126 }, ['proof_expired']],
    ['sixty seconds before its issue', { nowSeconds: MADE - 60 }, []],
    ['sixty-one seconds before its issue', { nowSeconds: MADE - 61 }, ['proof_not_yet_valid']],
    ['one unit too little', { minimum: Amount.parse('1001') }, ['proof_amount_low']],
    ['more than enough', { minimum: Amount.parse('999') }, []],
    ['any amount', { minimum: undefined }, []],
    ['another resource', { resourceHashes: ['x'.repeat(22)] }, ['proof_wrong_resource']],
    ['no resource at all', { resourceHashes: [] }, ['proof_wrong_resource']],
    ['any resource', { resourceHashes: undefined }, []],
    [
      'two faults at once',
      { network: 'payos:main', issuer: 'x' },
      ['proof_wrong_issuer', 'proof_wrong_network'],
    ],
  ])('of %s', ([, change, reasons], { expect }) => {
    expect(judgeClaims(claims, { ...expected, ...change })).toEqual(reasons)
  })

  it('has nothing outlive the redemption, not even by the five seconds', ({ expect }) => {
    const last = { ...claims, exp: claims.rdm }
    const at = (nowSeconds: number) => judgeClaims(last, { ...expected, nowSeconds })
    expect([at(claims.rdm), at(claims.rdm + 1)]).toEqual([[], ['proof_expired']])
  })
})

describe('firstOf', () => {
  it('gives the reason that stands first in the list, and none of none', ({ expect }) => {
    expect(firstOf(['proof_already_used', 'proof_expired', 'proof_wrong_issuer'])).toBe(
      'proof_wrong_issuer',
    )
    expect(firstOf([])).toBeUndefined()
    expect(firstOf([...proofReasons].reverse())).toBe('ambiguous_proof')
  })
})

describe('ProofClaims', () => {
  const wire = claimsFor(payment, { ...by, thumbprint: 't'.repeat(43) })

  it('reads what is signed, and passes over members it does not know', ({ expect }) => {
    expect(ProofClaims.parse({ ...wire, later: 1 })).toEqual({ ...wire, amount: 1000n })
  })

  it('reads of a payment that it is settled or held', ({ expect }) => {
    const states = ['settled', 'held'].map((st) => ProofClaims.parse({ ...wire, st }).st)
    expect(states).toEqual(['settled', 'held'])
  })

  it.for<[string, Record<string, unknown>]>([
    ['iss', { iss: undefined }],
    ['aud', { aud: [id('5')] }],
    ['sub', { sub: undefined }],
    ['jti', { jti: 'not-an-id' }],
    ['eid', { eid: 'not-an-id' }],
    ['rid', { rid: 1 }],
    ['amount', { amount: 1000 }],
    ['asset', { asset: 'USDT' }],
    ['network', { network: null }],
    ['rsh', { rsh: 'r'.repeat(23) }],
    ['st', { st: 'voided' }],
    ['pv', { pv: 0 }],
    ['iat', { iat: -1 }],
    ['exp', { exp: 1.5 }],
    ['rdm', { rdm: undefined }],
    ['holdExp', { holdExp: '60' }],
    ['lse', { lse: 1 }],
    ['seq', { seq: 0.5 }],
    ['cnf', { cnf: {} }],
    ['cnf', { cnf: { jkt: 't' } }],
  ])('refuses another form of %s', ([name, change], { expect }) => {
    const read = ProofClaims.safeParse({ ...wire, ...change })
    expect(read.error?.issues[0]?.path[0]).toBe(name)
  })
})
