import { beforeAll, describe, it } from 'vitest'
import { type ProofExpectation, payosKeys, verifyProof } from '../../sdk/provider/index.ts'
import { type TestPayos, testPayos } from '../../sdk/testing/index.ts'
import { splitCompactJws } from '../../shared/domain/compact-jws.ts'
import { judgeClaims, ProofClaims } from '../../shared/domain/proof.ts'

const NOW = 1_800_000_000
const URL_PAID = 'https://api.example/weather'

let payos: TestPayos
let expected: ProofExpectation

beforeAll(async () => {
  payos = await testPayos({ nowSeconds: () => NOW })
  const { edge, providerId, endpointId, fetch, nowSeconds } = payos.provider
  expected = {
    keys: payosKeys({ edge, fetch, nowSeconds }),
    issuer: edge,
    environment: 'test',
    providerId,
    endpointId,
    currency: 'USDC',
    price: 1000n,
    method: 'GET',
    url: URL_PAID,
    nowSeconds,
  }
})

const reasonOf = async (proof: string, changes: Partial<ProofExpectation> = {}) => {
  const verdict = await verifyProof(proof, { ...expected, ...changes })
  return verdict.ok ? 'ok' : verdict.reason
}

/** What is wrong with a proof, and the reason it is refused for. */
const claimFaults: [Record<string, unknown>, string][] = [
  [{}, 'ok'],
  [{ iss: 'https://other.example' }, 'proof_wrong_issuer'],
  [{ aud: '40000000-0000-4000-8000-00000000000b' }, 'proof_wrong_audience'],
  [{ aud: ['40000000-0000-4000-8000-00000000000a'] }, 'proof_malformed'],
  [{ eid: '50000000-0000-4000-8000-00000000000b' }, 'proof_wrong_endpoint'],
  [{ network: 'payos:main' }, 'proof_wrong_network'],
  [{ asset: 'EURC' }, 'proof_amount_low'],
  [{ amount: '999' }, 'proof_amount_low'],
  [{ amount: '1001' }, 'ok'],
  [{ amount: 1000 }, 'proof_malformed'],
  [{ amount: '01000' }, 'proof_malformed'],
  [{ amount: '9007199254740992' }, 'proof_malformed'],
  [{ amount: undefined }, 'proof_malformed'],
  [{ exp: NOW - 5 }, 'ok'],
  [{ exp: NOW - 6 }, 'proof_expired'],
  [{ exp: NOW + 120, rdm: NOW - 1 }, 'proof_expired'],
  [{ exp: '1800000100' }, 'proof_malformed'],
  [{ exp: NOW + 0.5 }, 'proof_malformed'],
  [{ exp: -1 }, 'proof_malformed'],
  [{ exp: undefined }, 'proof_malformed'],
  [{ iat: NOW + 60 }, 'ok'],
  [{ iat: NOW + 61 }, 'proof_not_yet_valid'],
  [{ rsh: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'proof_wrong_resource'],
  [{ jti: 'not-a-uuid' }, 'proof_malformed'],
  [{ st: 'voided' }, 'proof_malformed'],
  [{ pv: '1' }, 'proof_malformed'],
  [{ cnf: 'key' }, 'proof_malformed'],
  [{ iss: 'https://other.example', exp: 0 }, 'proof_wrong_issuer'],
  [{ aud: '40000000-0000-4000-8000-00000000000b', exp: 0 }, 'proof_wrong_audience'],
]

describe('verifyProof', () => {
  it.for(claimFaults)('answers %j: %s', async ([claims, reason], { expect }) => {
    expect(await reasonOf(await payos.proof(claims))).toBe(reason)
  })

  it.for(claimFaults)('agrees on %j with the edge', async ([claims, reason], { expect }) => {
    const split = splitCompactJws(await payos.proof(claims))
    const read = ProofClaims.safeParse(split.ok && split.claims)
    if (!read.success) {
      expect(reason).toBe('proof_malformed')
      return
    }
    const { issuer, endpointId } = expected
    const judged = judgeClaims(read.data, {
      issuer,
      network: 'payos:test',
      nowSeconds: NOW,
      endpointId,
      minimum: ProofClaims.shape.amount.parse('1000'),
      resourceHashes: [(await verified()).resourceHash],
    })
    // Whose proof it is and in which currency, the edge asks the ledger.
    const only = ['proof_wrong_audience', ...(claims['asset'] ? ['proof_amount_low'] : [])]
    if (!only.includes(reason)) expect(judged[0] ?? 'ok').toBe(reason)
  })

  it.for([
    ['a space', (proof: string) => proof.replace('.', ' .')],
    ['a final line feed', (proof: string) => `${proof}\n`],
    ['padding', (proof: string) => `${proof}==`],
    ['another last character', (proof: string) => proof.replace(/.$/, nextOf)],
    ['a fourth segment', (proof: string) => `${proof}.`],
    ['two segments', (proof: string) => proof.split('.').slice(0, 2).join('.')],
    ['5 000 characters', (proof: string) => proof + 'A'.repeat(5000)],
    ['nothing', () => ''],
  ] as const)('takes a proof in its one text only: not with %s', async ([, alter], { expect }) => {
    expect(await reasonOf(alter(await payos.proof()))).toBe('proof_malformed')
  })

  it.for([
    { alg: 'none' },
    { alg: 'HS256' },
    { typ: 'JWT' },
    { typ: undefined },
    { crit: ['b64'] },
    { jwk: {} },
    { jku: 'https://evil.example' },
    { kid: 'short' },
  ])('takes the header %j from nobody', async (header, { expect }) => {
    expect(await reasonOf(await payos.proof({}, header))).toBe('proof_malformed')
  })

  it('knows a forged signature and a foreign key', async ({ expect }) => {
    const [head, claims, signature = ''] = (await payos.proof()).split('.')
    const other = await payos.proof({ amount: '5000' })
    const stranger = await testPayos({ nowSeconds: () => NOW })

    expect(await reasonOf(`${head}.${other.split('.')[1]}.${signature}`)).toBe(
      'proof_signature_invalid',
    )
    expect(await reasonOf(`${head}.${claims}.${'A'.repeat(86)}`)).toBe('proof_signature_invalid')
    expect(await reasonOf(await stranger.proof())).toBe('proof_key_unknown')
  })

  it.for([
    ['GET', `${URL_PAID}?city=lima`, 'ok'],
    ['POST', URL_PAID, 'proof_wrong_resource'],
    ['GET', `${URL_PAID}/lima`, 'proof_wrong_resource'],
    ['GET', `${URL_PAID}/`, 'proof_wrong_resource'],
    ['GET', 'https://api.example/Weather', 'proof_wrong_resource'],
    ['GET', 'https://other.example/weather', 'proof_wrong_resource'],
  ])('binds a proof of GET %s %s: %s', async ([method = '', url = '', reason], { expect }) => {
    expect(await reasonOf(await payos.proof(), { method, url })).toBe(reason)
  })

  it('calls an unreachable key set an outage, never a bad proof', async ({ expect }) => {
    const fetch = () => Promise.reject(new TypeError('fetch failed'))
    const keys = payosKeys({ edge: expected.issuer, fetch })

    const verdict = verifyProof(await payos.proof(), { ...expected, keys })

    await expect(verdict).rejects.toMatchObject({ name: 'EdgeUnavailable' })
  })

  async function verified() {
    const verdict = await verifyProof(await payos.proof(), expected)
    if (!verdict.ok) throw new Error(verdict.reason)
    return verdict.proof
  }
})

/** A character that spells the same bytes to a careless decoder. */
const nextOf = (last: string) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet.charAt(alphabet.indexOf(last) + 1)
}
