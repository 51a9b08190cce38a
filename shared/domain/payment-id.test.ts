import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { EndpointId, PaymentId, RequestId, WalletId } from './ids.ts'
import { Amount } from './money.ts'
import { type PaymentContent, paymentIdOf } from './payment-id.ts'

const content: PaymentContent = {
  walletId: WalletId.parse('11111111-1111-4111-8111-111111111111'),
  requestId: RequestId.parse('test-perf-123'),
  endpointId: EndpointId.parse('22222222-2222-4222-8222-222222222222'),
  amount: Amount.decode('1000'),
  currency: 'USDC',
  method: 'GET',
  resource: 'https://api.example/weather?city=lima',
  capture: 'automatic',
}

/** The definition once more, from bytes and bits, for comparison. */
function expected(lines: string): string {
  const bytes = createHash('sha256').update(lines, 'utf8').digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const wallet = '11111111-1111-4111-8111-111111111111'
const endpoint = '22222222-2222-4222-8222-222222222222'
const url = 'https://api.example/weather?city=lima'

describe('paymentIdOf', () => {
  it.for<[string, Partial<PaymentContent>, string, string]>([
    [
      'a whole content',
      {},
      `${wallet}\ntest-perf-123\n${endpoint}\n1000\nUSDC\nGET\n${url}\nautomatic`,
      'b5644fa2-fa0b-8819-9678-0f21ea33b497',
    ],
    [
      'no resource',
      { resource: undefined },
      `${wallet}\ntest-perf-123\n${endpoint}\n1000\nUSDC\nGET\n\nautomatic`,
      'efddd97f-071a-8c8c-8841-e0823d6b2bba',
    ],
    [
      'manual capture in EURC by POST',
      { currency: 'EURC', method: 'post', capture: 'manual' },
      `${wallet}\ntest-perf-123\n${endpoint}\n1000\nEURC\nPOST\n${url}\nmanual`,
      '51ae2922-f710-88c7-b80a-5cbce0a64367',
    ],
    [
      'a resource beyond ASCII',
      { resource: 'https://api.example/é?✓' },
      `${wallet}\ntest-perf-123\n${endpoint}\n1000\nUSDC\nGET\nhttps://api.example/é?✓\nautomatic`,
      '74c7c500-63cd-89e0-bc64-f48e44beebbb',
    ],
  ])('of %s is fixed to the byte', async ([, change, lines, id], { expect }) => {
    const made = await paymentIdOf({ ...content, ...change })
    expect(made).toBe(expected(lines))
    expect(made).toBe(id)
  })

  it('is a version 8, variant 10 UUID, whatever the content', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(fc.webUrl(), fc.bigInt(0n, 2n ** 53n - 1n), async (resource, units) => {
        const id = await paymentIdOf({ ...content, resource, amount: units as Amount })
        expect(PaymentId.parse(id)).toMatch(/^.{14}8.{4}[89ab].{16}$/)
      }),
    )
  })

  it('is another when any one field is another', async ({ expect }) => {
    const changes: Partial<PaymentContent>[] = [
      {},
      { walletId: WalletId.parse(endpoint) },
      { requestId: RequestId.parse('test-perf-124') },
      { endpointId: EndpointId.parse(wallet) },
      { amount: Amount.decode('1001') },
      { currency: 'EURC' },
      { method: 'POST' },
      { resource: `${url}#` },
      { resource: undefined },
      { resource: `${url}\nautomatic` },
      { capture: 'manual' },
    ]
    const ids = await Promise.all(changes.map((change) => paymentIdOf({ ...content, ...change })))
    expect(new Set(ids).size).toBe(changes.length)
  })

  it('does not tell an absent resource from an empty one', async ({ expect }) => {
    const absent = await paymentIdOf({ ...content, resource: undefined })
    expect(await paymentIdOf({ ...content, resource: '' })).toBe(absent)
  })
})
