import { describe, it } from 'vitest'
import { ProofClaims } from '../domain/proof.ts'
import { resourceHash } from '../domain/resource.ts'
import { batchRecord, batchRecordOf, readReservation } from './lease-record.ts'

const uuid = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`
const record = [
  ...['1', uuid('1'), uuid('2'), uuid('3'), 'order-7', uuid('4'), uuid('5')],
  ...['9007199254740991', 'USDC', '3', 'GET', 'https://api.example/weather?city=lima'],
  ...[uuid('6'), '12', '34', '1795176000', '1795176120', 'ab'.repeat(32), 's'.repeat(43)],
]
const text = (changes: Record<number, string> = {}) =>
  record.map((line, at) => changes[at] ?? line).join('\n')

describe('a record of a promise', () => {
  it('is read as it was written', ({ expect }) => {
    expect(readReservation(text())).toEqual({
      paymentId: uuid('1'),
      walletId: uuid('2'),
      agentId: uuid('3'),
      requestId: 'order-7',
      endpointId: uuid('4'),
      providerId: uuid('5'),
      amount: 9007199254740991n,
      currency: 'USDC',
      priceVersion: 3,
      method: 'GET',
      resource: 'https://api.example/weather?city=lima',
      leaseId: uuid('6'),
      epoch: 12,
      seq: 34,
      madeAt: 1795176000,
      expiresAt: 1795176120,
      keyHash: 'ab'.repeat(32),
      thumbprint: 's'.repeat(43),
    })
    expect(readReservation(text({ 18: '' }))?.thumbprint).toBeUndefined()
  })

  it.for([
    ['another version', text({ 0: '2' })],
    ['a line too many', `${text()}\n`],
    ['a line too few', text().slice(0, text().lastIndexOf('\n'))],
    ['an id that is none', text({ 1: 'x' })],
    ['an amount of 2^53', text({ 7: '9007199254740992' })],
    ['an unknown currency', text({ 8: 'DOGE' })],
    ['a sequence number of zero', text({ 14: '0' })],
    ['nothing', ''],
  ] as const)('is not read with %s', ([, broken], { expect }) => {
    expect(readReservation(broken)).toBeUndefined()
  })

  it('and the proof of it are settled by the same record', async ({ expect }) => {
    const promised = readReservation(text())
    if (!promised) throw new Error('unreadable')
    const claims = ProofClaims.parse({
      ...{ iss: 'https://edge.example', aud: uuid('5'), sub: uuid('3'), jti: uuid('1') },
      ...{ eid: uuid('4'), rid: 'order-7', amount: '9007199254740991', asset: 'USDC' },
      ...{ network: 'payos:test', st: 'held', pv: 3, lse: uuid('6'), seq: 34 },
      ...{ iat: 1795176001, exp: 1795176120, rdm: 1795176900 },
      rsh: await resourceHash('GET', 'https://api.example/weather?city=lima'),
    })

    const { wallet_id, ...settled } = await batchRecord(promised)

    expect(wallet_id).toBe(uuid('2'))
    expect(batchRecordOf(claims)).toEqual(settled)
    expect(batchRecordOf({ ...claims, lse: undefined })).toBeUndefined()
  })
})
