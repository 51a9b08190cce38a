import { SignJWT } from 'jose'
import { describe, it } from 'vitest'
import { seeded } from '../../local/seeded.ts'
import { firstProofKeys } from '../../shared/domain/proof-key-rotation.ts'
import { makeKeyPair } from '../cli/key-pair.ts'
import { faultsOf } from './check.ts'
import type { Values } from './settings.ts'

const NOW = 1_790_000_000

const token = (role: string, lastsSeconds = 3_600) =>
  new SignJWT({ role })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(NOW + lastsSeconds)
    .sign(new TextEncoder().encode('a secret of the spec, long enough for it'))

const complete: Values = {
  ENVIRONMENT: 'live',
  ISSUER: 'https://edge.example',
  SUPABASE_URL: 'https://project.supabase.example',
  UPSTASH_REDIS_REST_URL: 'https://redis.upstash.example',
  QSTASH_URL: 'https://qstash.upstash.example',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_0123456789',
  EDGE_DATABASE_TOKEN: await token('x402_edge'),
  DRAIN_DATABASE_TOKEN: await token('x402_drain'),
  UPSTASH_REDIS_REST_TOKEN: 'a token of Upstash',
  PROOF_KEYS: JSON.stringify(firstProofKeys(await makeKeyPair(), NOW)),
  QSTASH_TOKEN: 'a token of QStash for the spec',
  QSTASH_CURRENT_SIGNING_KEY: 'sig_of_the_spec_that_is_current',
  QSTASH_NEXT_SIGNING_KEY: 'sig_of_the_spec_that_is_next',
  METRICS_TOKEN: 'a metrics token that is long enough',
}

const [ofOtherRole, expired, tooEarly] = await Promise.all([
  token('postgres'),
  token('x402_drain', -1),
  makeKeyPair().then((pair) => JSON.stringify(firstProofKeys(pair, NOW + 60))),
])

const at = (url: string) =>
  JSON.stringify([{ region: 'south', url, token: 'a token of the region', continents: ['SA'] }])

const faults = (over: Values) =>
  faultsOf({ ...complete, ...over }, NOW).map(({ name, fault }) => `${name} ${fault}`)

describe('a configuration', () => {
  it('is good when it is complete', ({ expect }) => {
    expect(faults({})).toEqual([])
  })

  it('is told everything it misses at once', ({ expect }) => {
    expect(faultsOf({}, NOW).map(({ name }) => name)).toEqual(Object.keys(complete))
  })

  it.for<[string, Values]>([
    ['ISSUER an origin, without a slash at its end', { ISSUER: 'https://edge.example/' }],
    ['ISSUER is not an https address of a live host', { ISSUER: 'http://edge.example' }],
    ['SUPABASE_URL is not an https address of a live host', { SUPABASE_URL: 'https://127.0.0.1' }],
    ['EDGE_DATABASE_TOKEN is no token of x402_edge', { EDGE_DATABASE_TOKEN: ofOtherRole }],
    ['DRAIN_DATABASE_TOKEN has expired', { DRAIN_DATABASE_TOKEN: expired }],
    ['PROOF_KEYS not JSON', { PROOF_KEYS: '{' }],
    ['PROOF_KEYS no key of the set signs now', { PROOF_KEYS: tooEarly }],
    [
      'QSTASH_NEXT_SIGNING_KEY everybody knows this development key',
      { QSTASH_NEXT_SIGNING_KEY: 'sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs' },
    ],
    ['QSTASH_DEV development keys are for a test environment', { QSTASH_DEV: 'true' }],
    ['LEASE_REGIONS not JSON', { LEASE_REGIONS: '' }],
    ['LEASE_REGIONS is not an https address of a live host', { LEASE_REGIONS: at('http://r.io') }],
    [
      'LEASE_REGIONS is not an https address of a live host',
      { LEASE_REGIONS: at('https://[::1]') },
    ],
    ['METRICS_TOKEN is a public test value', { METRICS_TOKEN: seeded.agents.plain.apiKey }],
    ['METRICS_TOKEN is a public test value', { METRICS_TOKEN: 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r' }],
  ])('is told: %s', async ([fault, over], { expect }) => {
    expect(faults(over)).toEqual([fault])
  })

  it('may name regions, or none', ({ expect }) => {
    expect(faults({ LEASE_REGIONS: at('https://r.upstash.example') })).toEqual([])
    expect(faults({ LEASE_REGIONS: '[]' })).toEqual([])
  })

  it('may hold public test values in a test environment', ({ expect }) => {
    const over = { ENVIRONMENT: 'test', METRICS_TOKEN: seeded.agents.plain.apiKey }
    expect(faults(over)).toEqual([])
  })

  it('is never repeated in what is wrong with it', ({ expect }) => {
    const over = Object.fromEntries(
      Object.keys(complete).map((name) => [name, `secret of ${name}`]),
    )
    expect(JSON.stringify(faultsOf(over, NOW))).not.toContain('secret of')
  })
})
