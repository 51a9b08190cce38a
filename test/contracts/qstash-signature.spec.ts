import { Receiver } from '@upstash/qstash'
import { afterAll, beforeAll, beforeEach, describe, it, vi } from 'vitest'
import { startQstash } from '../../local/stand-ins/qstash/index.ts'
import {
  type Destination,
  openQstash,
  type QstashUnderTest,
  type Received,
  startDestination,
  underTest,
} from '../support/qstash.ts'

let qstash: QstashUnderTest
let destination: Destination
let received: Received
let receiver: Receiver

const url = () => `${destination.url}/signed?shard=1`

beforeAll(async () => {
  destination = await startDestination()
  qstash = await openQstash()
  receiver = receiverOf(qstash.currentSigningKey, qstash.nextSigningKey)
  await qstash.client.publish({ url: url(), body: 'wéké' })
  const [first] = await destination.arrivals('/signed', 1)
  if (first) received = first
})

afterAll(async () => {
  await qstash.stop()
  await destination.stop()
})

const receiverOf = (currentSigningKey: string, nextSigningKey: string) =>
  new Receiver({ currentSigningKey, nextSigningKey, devMode: false })

const signatureOf = (request: Received) => request.headers['upstash-signature'] ?? ''

const claimsOf = (request: Received) =>
  JSON.parse(
    Buffer.from(signatureOf(request).split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>

const asReceived = () => ({
  signature: signatureOf(received),
  body: received.body.toString(),
  url: url(),
})

describe('the signature', () => {
  it('is verified with the current key', async ({ expect }) => {
    expect(await receiver.verify(asReceived())).toBe(true)
  })

  it('is verified when the current key is the receiver’s next one', async ({ expect }) => {
    const ahead = receiverOf('sig_before', qstash.currentSigningKey)
    expect(await ahead.verify(asReceived())).toBe(true)
  })

  it('is refused with other keys', async ({ expect }) => {
    const other = receiverOf('sig_other', 'sig_another')
    await expect(other.verify(asReceived())).rejects.toThrow('signature verification failed')
  })

  it('is refused for another body', async ({ expect }) => {
    const changed = { ...asReceived(), body: 'weke' }
    await expect(receiver.verify(changed)).rejects.toThrow('body hash does not match')
  })

  it('is refused at another URL', async ({ expect }) => {
    const elsewhere = { ...asReceived(), url: `${destination.url}/other` }
    await expect(receiver.verify(elsewhere)).rejects.toThrow('invalid subject')
  })

  it.for([
    [299, 'is still verified'],
    [301, 'is refused'],
  ] as const)('after %d seconds %s', async ([seconds], { expect, onTestFinished }) => {
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { iat } = claimsOf(received)
    vi.useFakeTimers({ toFake: ['Date'], now: (Number(iat) + seconds) * 1000 })
    // With the same key twice: its second try would hide why the first one failed.
    const verified = receiverOf(qstash.currentSigningKey, qstash.currentSigningKey)
      .verify(asReceived())
      .catch(String)
    expect(await verified).toBe(
      seconds < 300 ? true : 'SignatureError: "exp" claim timestamp check failed',
    )
  })

  it('names issuer, destination and an id of its own', async ({ expect }) => {
    const { iat, ...claims } = claimsOf(received)
    expect(claims).toMatchObject({
      iss: 'Upstash',
      sub: url(),
      nbf: iat,
      exp: Number(iat) + 300,
      jti: expect.stringMatching(/^jwt_/),
    })
  })

  it('is made anew for every attempt', async ({ expect }) => {
    destination.reply('/twice', (_, nth) => ({
      status: nth === 1 ? 500 : 200,
      headers: { 'retry-after': '0' },
    }))
    await qstash.client.publish({ url: `${destination.url}/twice` })
    const attempts = await destination.arrivals('/twice', 2)
    const [first, second] = attempts.map((attempt) => claimsOf(attempt)['jti'])
    expect(first).not.toBe(second)
  })

  it('is on callbacks too, for their own URL', async ({ expect }) => {
    const callback = `${destination.url}/signed-callback`
    await qstash.client.publish({ url: `${destination.url}/any`, callback })
    const [told] = await destination.arrivals('/signed-callback', 1)
    const body = told?.body.toString() ?? ''
    const signature = told ? signatureOf(told) : ''
    expect(await receiver.verify({ signature, body, url: callback })).toBe(true)
  })
})

describe('after a rotation of the keys', () => {
  let rotated: Received[]
  let keys: { current: string; next: string }[]

  beforeEach(async () => {
    const standIn = await startQstash()
    const { client, call } = underTest(standIn)
    rotated = []
    keys = []
    for (const path of ['/rotated-once', '/rotated-twice']) {
      const answer = await call('POST', '/v2/keys/rotate')
      keys.push((await answer.json()) as { current: string; next: string })
      await client.publish({ url: `${destination.url}${path}` })
      await standIn.settle()
      rotated.push(...destination.at(path).slice(-1))
    }
    await standIn.stop()
  })

  const verifies = (target: Receiver, request: Received | undefined) =>
    target.verify({ signature: request ? signatureOf(request) : '', body: '' })

  it('the next key is the current one, and a new one is next', async ({ expect }) => {
    expect(keys[0]?.current).toBe(qstash.nextSigningKey)
    expect(keys[1]?.current).toBe(keys[0]?.next)
  })

  it('a receiver with the keys of before still verifies', async ({ expect }) => {
    const before = receiverOf(standInKeys.current, standInKeys.next)
    expect(await verifies(before, rotated[0])).toBe(true)
  })

  it('and another one, it verifies no more', async ({ expect }) => {
    const before = receiverOf(standInKeys.current, standInKeys.next)
    await expect(verifies(before, rotated[1])).rejects.toThrow('signature verification failed')
  })
})

const standInKeys = {
  current: 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r',
  next: 'sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs',
}
