import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'vitest'
import { readConfig } from './config.ts'

const limit = { limit: async () => ({ success: true }) }
const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
const word = 'a-word-for-this-test-alone'

const bindings = {
  ENVIRONMENT: 'live',
  ISSUER: 'https://edge.example',
  SUPABASE_URL: 'https://project.supabase.example',
  SUPABASE_PUBLISHABLE_KEY: word,
  EDGE_DATABASE_TOKEN: word,
  DRAIN_DATABASE_TOKEN: word,
  UPSTASH_REDIS_REST_URL: 'https://redis.upstash.example',
  UPSTASH_REDIS_REST_TOKEN: word,
  PROOF_KEYS: JSON.stringify([{ kid: x, x, d, publishAt: 0, activeAt: 0 }]),
  QSTASH_URL: 'https://qstash.upstash.example',
  QSTASH_TOKEN: word,
  QSTASH_CURRENT_SIGNING_KEY: 'sig_current_of_this_test',
  QSTASH_NEXT_SIGNING_KEY: 'sig_next_of_this_test',
  METRICS_TOKEN: word,
  UNKNOWN_KEYS: limit,
  PER_KEY: limit,
}

/** Printed in the vendor's public package. */
const KNOWN = ['sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r', 'sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs']

describe('the Worker', () => {
  it('starts with a complete configuration', ({ expect }) => {
    expect(readConfig(bindings)).toMatchObject({ ISSUER: 'https://edge.example' })
  })

  it.for(
    ['test', 'live'].flatMap((ENVIRONMENT) =>
      ['QSTASH_CURRENT_SIGNING_KEY', 'QSTASH_NEXT_SIGNING_KEY'].flatMap((name) =>
        KNOWN.map((key) => ({ ENVIRONMENT, [name]: key, name })),
      ),
    ),
  )(
    'does not start in $ENVIRONMENT with a $name everybody knows',
    ({ name, ...over }, { expect }) => {
      expect(() => readConfig({ ...bindings, ...over })).toThrow(`${name}: everybody knows`)
    },
  )

  it('names what is no address, instead of failing over it', ({ expect }) => {
    const over = { ISSUER: 'edge', SUPABASE_URL: '' }
    expect(() => readConfig({ ...bindings, ...over })).toThrow(/ISSUER: .*SUPABASE_URL: /)
  })

  it('takes them in a test environment that asks for it, and in no other', ({ expect }) => {
    const known = {
      QSTASH_CURRENT_SIGNING_KEY: KNOWN[0],
      QSTASH_NEXT_SIGNING_KEY: KNOWN[1],
      QSTASH_DEV: '1',
    }

    expect(readConfig({ ...bindings, ...known, ENVIRONMENT: 'test' })).toBeDefined()
    expect(() => readConfig({ ...bindings, ...known })).toThrow('QSTASH_DEV: development keys')
    expect(() => readConfig({ ...bindings, QSTASH_DEV: '1' })).toThrow('QSTASH_DEV')
  })
})
