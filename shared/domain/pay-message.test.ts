import { describe, it } from 'vitest'
import { EndpointId, RequestId, WalletId } from './ids.ts'
import { Amount } from './money.ts'
import { type PayFields, payMessage } from './pay-signature.ts'

const fields: PayFields = {
  issuer: 'https://edge.example',
  walletId: WalletId.parse('11111111-1111-4111-8111-111111111111'),
  endpointId: EndpointId.parse('22222222-2222-4222-8222-222222222222'),
  amount: Amount.decode('1000'),
  currency: 'USDC',
  requestId: RequestId.parse('test-perf-123'),
  seconds: 1_795_176_000,
  method: 'get',
  resource: 'https://api.example/weather?city=lima',
  settlement: 'sync',
  capture: 'automatic',
}

describe('payMessage', () => {
  it('is these twelve lines, to the byte', ({ expect }) => {
    expect(payMessage(fields)?.split('\n')).toEqual([
      'payos-x402-pay-v1',
      'https://edge.example',
      '11111111-1111-4111-8111-111111111111',
      '22222222-2222-4222-8222-222222222222',
      '0.001',
      'USDC',
      'test-perf-123',
      '1795176000',
      'GET',
      'https://api.example/weather?city=lima',
      'sync',
      'automatic',
    ])
  })

  it('has an empty line where no resource was given', ({ expect }) => {
    const text = payMessage({ ...fields, resource: undefined })
    expect(text).toMatch(/\nGET\n\nsync\nautomatic$/)
    expect(payMessage({ ...fields, resource: '' })).toBe(text)
  })

  it.for(['\n', '\r', '\t', '\u0000', '\u001f', '\u007f', '\u0085', '\ud800'])(
    'is not made when a field holds %j',
    (mark, { expect }) => {
      expect(payMessage({ ...fields, resource: `https://a.example/${mark}` })).toBeUndefined()
      expect(payMessage({ ...fields, issuer: `https://a.example${mark}` })).toBeUndefined()
      expect(payMessage({ ...fields, method: `GET${mark}` })).toBeUndefined()
      const requestId = `a${mark}` as RequestId
      expect(payMessage({ ...fields, requestId })).toBeUndefined()
    },
  )

  it('is another text when any one field is another', ({ expect }) => {
    const changes: Partial<PayFields>[] = [
      {},
      { issuer: 'https://test.edge.example' },
      { walletId: WalletId.parse(fields.endpointId) },
      { endpointId: EndpointId.parse(fields.walletId) },
      { amount: Amount.decode('1001') },
      { currency: 'EURC' },
      { requestId: RequestId.parse('test-perf-124') },
      { seconds: fields.seconds + 1 },
      { method: 'POST' },
      { resource: undefined },
      { settlement: 'async' },
      { capture: 'manual' },
    ]
    const texts = changes.map((change) => payMessage({ ...fields, ...change }))
    expect(new Set(texts).size).toBe(changes.length)
    expect(texts).not.toContain(undefined)
  })
})
