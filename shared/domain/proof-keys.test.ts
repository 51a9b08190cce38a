import { describe, it } from 'vitest'
import {
  couldHaveSigned,
  NOTICE_SECONDS,
  ProofKey,
  type ProofKeyState,
  ProofKeys,
  publicJwkOf,
  publishedKeys,
  signingKey,
  stateOf,
} from './proof-keys.ts'

const DAY = 24 * 60 * 60

const key = (name: string, times: Partial<ProofKey> = {}): ProofKey => ({
  kid: name.repeat(43),
  x: 'x'.repeat(43),
  d: 'd'.repeat(43),
  publishAt: 400,
  activeAt: 1000,
  retireAt: 2000,
  removeAt: 2000 + DAY,
  revoked: false,
  ...times,
})

describe('a proof key', () => {
  it.for<[number, ProofKeyState]>([
    [399, 'absent'],
    [400, 'next'],
    [999, 'next'],
    [1000, 'active'],
    [1999, 'active'],
    [2000, 'retired'],
    [1999 + DAY, 'retired'],
    [2000 + DAY, 'absent'],
  ])('at %i is %s', ([at, state], { expect }) => {
    expect(stateOf(key('a'), at)).toBe(state)
    expect(stateOf(key('a', { revoked: true }), at)).toBe('revoked')
  })

  it('without an end signs for good, and one that is not removed is published', ({ expect }) => {
    const { retireAt: _, removeAt: __, ...endless } = key('a')
    expect(stateOf(endless, 9e9)).toBe('active')
    expect(stateOf({ ...endless, retireAt: 2000 }, 9e9)).toBe('retired')
  })

  it.for<[number, boolean]>([
    [939, false],
    [940, true],
    [1500, true],
    [2059, true],
    [2060, false],
  ])('could have signed at %i: %s', ([iat, could], { expect }) => {
    expect(couldHaveSigned(key('a'), iat)).toBe(could)
  })

  it('with the skew it is told, and without an end for good', ({ expect }) => {
    const { retireAt: _, ...endless } = key('a')
    const at = [999, 1000, 1999, 2000].map((iat) => couldHaveSigned(key('a'), iat, 0))
    expect(at).toEqual([false, true, true, false])
    expect(couldHaveSigned(endless, 9e9)).toBe(true)
  })

  it('is shown by its public members alone', ({ expect }) => {
    expect(publicJwkOf(key('a'))).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: 'x'.repeat(43),
      kid: 'a'.repeat(43),
      use: 'sig',
      alg: 'EdDSA',
    })
  })

  it.for<[string, Partial<Record<keyof ProofKey, unknown>>, boolean]>([
    ['removed a day after it retired', {}, true],
    ['removed a second before', { removeAt: 1999 + DAY }, false],
    ['removed at once, never retired', { retireAt: undefined, removeAt: DAY }, true],
    ['removed too soon, never retired', { retireAt: undefined, removeAt: DAY - 1 }, false],
    ['never removed', { removeAt: undefined }, true],
    ['of another length', { kid: 'a'.repeat(42) }, false],
    ['with half a second', { activeAt: 1.5 }, false],
    ['with a member nobody reads', { use: 'sig' } as object, false],
  ])('is read, %s: %s', ([, change, isRead], { expect }) => {
    const text = JSON.stringify({ ...key('a'), ...change })
    expect(ProofKey.safeParse(JSON.parse(text)).success).toBe(isRead)
  })
})

describe('a proof key as it is written down', () => {
  it('is not revoked unless it says so', ({ expect }) => {
    const { revoked: _, ...rest } = key('a')
    expect(ProofKey.parse(rest)).toEqual(key('a'))
  })

  it('is told how long it must stay, when it is removed too soon', ({ expect }) => {
    const { error } = ProofKey.safeParse(key('a', { removeAt: 1999 + DAY }))
    expect(error?.issues[0]?.message).toBe(
      'removeAt: a retired key stays published for at least 24 hours',
    )
  })

  it('signs ten minutes after it is shown', ({ expect }) => {
    expect(NOTICE_SECONDS).toBe(600)
  })

  it('is one of a set of at least one', ({ expect }) => {
    const sizes = [[], [key('a')], [key('a'), key('b')]]
    expect(sizes.map((keys) => ProofKeys.safeParse(keys).success)).toEqual([false, true, true])
  })
})

describe('a set of proof keys', () => {
  const [old, now, next] = [
    key('o', { publishAt: 0, activeAt: 10, retireAt: 900 }),
    key('n', { publishAt: 0, activeAt: 900, retireAt: 5000 }),
    key('x', { publishAt: 1400, activeAt: 3000 }),
  ]
  const away = key('y', { publishAt: 8000, activeAt: 9000, retireAt: 9100 })
  const gone = key('z', { revoked: true })
  const all = [next, gone, now, away, old]
  const names = (keys: readonly ProofKey[]) => keys.map(({ kid }) => kid.charAt(0)).join('')

  it('publishes those that sign, signed or will sign, oldest first', ({ expect }) => {
    expect(names(publishedKeys(all, 1500))).toBe('onx')
    expect(names(publishedKeys([...all].reverse(), 1500))).toBe('onx')
    expect(names(publishedKeys(all, 1399))).toBe('on')
  })

  it('signs with the one that became active last', ({ expect }) => {
    const [first, second] = [key('1', { activeAt: 700 }), key('2', { activeAt: 800 })]
    expect(signingKey(all, 1500)?.kid).toBe(now.kid)
    expect(signingKey([first, second], 1500)?.kid).toBe(second.kid)
    expect(signingKey([second, first], 1500)?.kid).toBe(second.kid)
    expect(signingKey([away, gone], 1500)).toBeUndefined()
  })
})
