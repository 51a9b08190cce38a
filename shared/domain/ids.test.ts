import { describe, it } from 'vitest'
import { AgentId, EndpointId, PaymentId, ProviderId, RequestId, Uuid, WalletId } from './ids.ts'

const id = '0189f7a2-3c4d-7e5f-8a6b-0123456789ab'

describe('Uuid', () => {
  it('is the lower-case canonical form, for every kind of id', ({ expect }) => {
    for (const kind of [Uuid, PaymentId, WalletId, EndpointId, AgentId, ProviderId]) {
      expect(kind.parse(id)).toBe(id)
      expect(kind.safeParse(id.toUpperCase()).success).toBe(false)
    }
  })

  it.for([
    ...['', id.slice(1), `${id}0`, id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`],
    ...[` ${id}`, `${id}\n`, id.replace('0', 'g'), id.replace('0', '０'), id.replaceAll('-', '_')],
  ])('refuses %j', (text, { expect }) => {
    expect(Uuid.safeParse(text).success).toBe(false)
  })

  it.for([1, null, undefined, {}, [id]])('refuses %j, which is no text', (value, { expect }) => {
    expect(Uuid.safeParse(value).success).toBe(false)
  })
})

describe('RequestId', () => {
  it.for(['a', 'test-perf-123', 'A_b-9', '-', 'x'.repeat(64)])('accepts %s', (text, { expect }) => {
    expect(RequestId.parse(text)).toBe(text)
  })

  it.for(['', 'x'.repeat(65), 'a b', 'a.b', 'a/b', 'a\n', 'é', 'a\u0000', '"a"', 'a,b'])(
    'refuses %j',
    (text, { expect }) => {
      expect(RequestId.safeParse(text).success).toBe(false)
    },
  )
})
