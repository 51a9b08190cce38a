import { describe, it } from 'vitest'
import {
  firstProofKeys,
  type Rotated,
  revokeProofKey,
  rotateProofKeys,
  timelineOf,
} from './proof-key-rotation.ts'
import {
  couldHaveSigned,
  NOTICE_SECONDS,
  type ProofKey,
  ProofKeys,
  publishedKeys,
  RETENTION_SECONDS,
  signingKey,
  stateOf,
} from './proof-keys.ts'

/** A provider's copy of the key set may be this old, and a proof lives this long. Seconds. */
const COPY_SECONDS = 300
const PROOF_SECONDS = 125

const BEGIN = 1_790_000_000
const pairOf = (letter: string) => {
  const text = letter.repeat(43)
  return { x: text, d: text, thumbprint: text }
}
const [a, b, c] = [pairOf('a'), pairOf('b'), pairOf('c')]

function keysOf(rotated: Rotated): ProofKey[] {
  if (!rotated.ok) throw new Error(rotated.reason)
  return rotated.keys
}

const first = firstProofKeys(a, BEGIN)
const rotateAt = BEGIN + 86_400
const second = keysOf(rotateProofKeys(first, b, rotateAt))

const activeKids = (keys: readonly ProofKey[], at: number) =>
  keys.filter((key) => stateOf(key, at) === 'active').map(({ kid }) => kid)

/** Every second of a span, handed to `check`; a failing one is told. */
function everySecond(from: number, to: number, check: (at: number) => boolean): number[] {
  const failing: number[] = []
  for (let at = from; at <= to; at++) if (!check(at)) failing.push(at)
  return failing
}

describe('a rotation', () => {
  it('has exactly one active key at every second until the old one is gone', ({ expect }) => {
    const end = rotateAt + NOTICE_SECONDS + RETENTION_SECONDS + 60
    expect(everySecond(rotateAt, end, (at) => activeKids(second, at).length === 1)).toEqual([])
  })

  it.for([0, 60, 299])('loses no proof when it is put in place %i s late', (lag, { expect }) => {
    const setAt = (at: number) => (at < rotateAt + lag ? first : second)
    const verifies = (at: number) => {
      const signer = signingKey(setAt(at), at)
      const copy = publishedKeys(setAt(at - COPY_SECONDS), at - COPY_SECONDS)
      return signer !== undefined && copy.some(({ kid }) => kid === signer.kid)
    }
    const end = rotateAt + NOTICE_SECONDS + RETENTION_SECONDS + 60
    expect(everySecond(rotateAt - 60, end, verifies)).toEqual([])
  })

  it('keeps a key published until the last proof it signed is over', ({ expect }) => {
    const outlives = (at: number) => {
      const signer = signingKey(second, at)
      const published = publishedKeys(second, at + PROOF_SECONDS)
      return published.some((key) => key.kid === signer?.kid && couldHaveSigned(key, at))
    }
    const end = rotateAt + NOTICE_SECONDS + RETENTION_SECONDS + 60
    expect(everySecond(rotateAt, end, outlives)).toEqual([])
  })

  it('is told as three moments', ({ expect }) => {
    const [old, next] = [a.thumbprint, b.thumbprint]
    expect(timelineOf(second, rotateAt)).toEqual([
      { at: rotateAt, signs: old, published: [old, next] },
      { at: rotateAt + NOTICE_SECONDS, signs: next, published: [old, next] },
      { at: rotateAt + NOTICE_SECONDS + RETENTION_SECONDS, signs: next, published: [next] },
    ])
  })

  it('is refused while another is under way', ({ expect }) => {
    expect(rotateProofKeys(second, c, rotateAt + 1)).toEqual({ ok: false, reason: 'under_way' })
  })

  it('is refused when no key signs', ({ expect }) => {
    expect(rotateProofKeys(first, c, BEGIN - 1)).toEqual({ ok: false, reason: 'under_way' })
    expect(rotateProofKeys([], c, BEGIN)).toEqual({ ok: false, reason: 'nothing_signs' })
  })

  it('is taken again in the second the new key begins to sign', ({ expect }) => {
    const third = keysOf(rotateProofKeys(second, c, rotateAt + NOTICE_SECONDS))
    expect(third.map(({ kid }) => kid)).toEqual([a.thumbprint, b.thumbprint, c.thumbprint])
  })

  it('leaves the end of a key that retired before as it was', ({ expect }) => {
    const third = keysOf(rotateProofKeys(second, c, rotateAt + NOTICE_SECONDS + 60))
    expect(third[0]).toEqual(second[0])
  })

  it('drops a key in the second it is over, and not one before', ({ expect }) => {
    const over = rotateAt + NOTICE_SECONDS + RETENTION_SECONDS
    const lengthAt = (at: number) => keysOf(rotateProofKeys(second, c, at)).length
    expect([lengthAt(over - 1), lengthAt(over)]).toEqual([3, 2])
  })

  it('drops keys whose time is over, so that thirty rotations keep a small set', ({ expect }) => {
    let keys = first
    for (let day = 2; day < 60; day += 2) {
      keys = keysOf(rotateProofKeys(keys, day % 4 === 0 ? b : c, BEGIN + day * 86_400))
      expect(ProofKeys.safeParse(keys).success).toBe(true)
      expect(keys.length).toBeLessThanOrEqual(2)
    }
  })
})

describe('a revocation', () => {
  const revoke = (keys: readonly ProofKey[], kid: string, at: number) =>
    keysOf(revokeProofKey(keys, { kid, spare: c }, at))

  it('of the only key puts the spare in its place at once', ({ expect }) => {
    const keys = revoke(first, a.thumbprint, BEGIN + 60)
    expect(activeKids(keys, BEGIN + 60)).toEqual([c.thumbprint])
    expect(publishedKeys(keys, BEGIN + 60).map(({ kid }) => kid)).toEqual([c.thumbprint])
    expect(ProofKeys.safeParse(keys).success).toBe(true)
  })

  it('of the signing key brings the next one, which providers know, forward', ({ expect }) => {
    const keys = revoke(second, a.thumbprint, rotateAt + 60)
    expect(activeKids(keys, rotateAt + 60)).toEqual([b.thumbprint])
    expect(keys.some(({ kid }) => kid === c.thumbprint)).toBe(false)
    expect(keys[0]).toEqual({
      ...first[0],
      retireAt: rotateAt + 60,
      removeAt: rotateAt + 60 + RETENTION_SECONDS,
      revoked: true,
    })
  })

  it('of the next key leaves the present one signing, for good', ({ expect }) => {
    const keys = revoke(second, b.thumbprint, rotateAt + 60)
    const end = rotateAt + NOTICE_SECONDS + RETENTION_SECONDS + 60
    const isSole = (at: number) => activeKids(keys, at).join() === a.thumbprint
    expect(everySecond(rotateAt + 60, end, isSole)).toEqual([])
  })

  it('of the next key counts in the second the present one began, too', ({ expect }) => {
    const keys = revoke(keysOf(rotateProofKeys(first, b, BEGIN)), b.thumbprint, BEGIN)
    expect(activeKids(keys, BEGIN + NOTICE_SECONDS)).toEqual([a.thumbprint])
  })

  it('of a retired key changes nothing about who signs', ({ expect }) => {
    const later = rotateAt + NOTICE_SECONDS + 60
    const keys = revoke(second, a.thumbprint, later)
    expect(activeKids(keys, later)).toEqual([b.thumbprint])
    expect(keys.find(({ kid }) => kid === a.thumbprint)).toMatchObject({ revoked: true })
  })

  it('says so when the set has no such key', ({ expect }) => {
    expect(revokeProofKey(first, { kid: b.thumbprint, spare: c }, BEGIN)).toEqual({
      ok: false,
      reason: 'unknown_key',
    })
  })
})

describe('the timeline of a set of keys', () => {
  const at = (publishAt: number, activeAt: number, rest: Partial<ProofKey> = {}): ProofKey => ({
    ...{ kid: 'k'.repeat(43), x: a.x, d: a.d, publishAt, activeAt, revoked: false },
    ...rest,
  })

  it('has a row for each moment a key is shown, signs, retires or goes, in order', ({ expect }) => {
    const key = at(BEGIN + 10, BEGIN + 20, { retireAt: BEGIN + 30, removeAt: BEGIN + 40 })
    const published = [key.kid]
    expect(timelineOf([key], BEGIN)).toEqual([
      { at: BEGIN, signs: undefined, published: [] },
      { at: BEGIN + 10, signs: undefined, published },
      { at: BEGIN + 20, signs: key.kid, published },
      { at: BEGIN + 30, signs: undefined, published },
      { at: BEGIN + 40, signs: undefined, published: [] },
    ])
  })

  it('is in the order of time, whatever the order of the keys', ({ expect }) => {
    expect(timelineOf([...second].reverse(), rotateAt)).toEqual(timelineOf(second, rotateAt))
  })

  it('has no row for a moment that changes nothing', ({ expect }) => {
    const revoked = at(BEGIN + 10, BEGIN + 20, { kid: b.thumbprint, revoked: true })
    const key = at(BEGIN, BEGIN, { retireAt: BEGIN + 30 })
    expect(timelineOf([key, revoked], BEGIN).map((row) => row.at)).toEqual([BEGIN, BEGIN + 30])
  })

  it('has one row for a set that has nothing to say', ({ expect }) => {
    expect(timelineOf([], BEGIN)).toEqual([{ at: BEGIN, signs: undefined, published: [] }])
  })
})
