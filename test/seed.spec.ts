import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, it, onTestFinished } from 'vitest'
import { applySeed } from '../local/database.ts'
import { seeded } from '../local/seeded.ts'
import { hashApiKey, parseApiKey } from '../shared/domain/api-key.ts'
import { openDatabase } from './support/postgres.ts'

async function seededDatabase() {
  const database = await openDatabase()
  onTestFinished(database.close)
  return database
}

const holders = [
  ...Object.values(seeded.agents).map(({ id, apiKey }) => ({ kind: 'agent', id, apiKey })),
  ...Object.values(seeded.providers).map(({ id, apiKey }) => ({ kind: 'provider', id, apiKey })),
]

describe('the seed', () => {
  it('registers the keys that are published with it', async ({ expect }) => {
    const { sql } = await seededDatabase()

    const stored = await sql`
      select 'agent' as kind, agent_id as holder, id, encode(key_hash, 'hex') as hash
      from ledger.agent_keys
      union all
      select 'provider', provider_id, id, encode(key_hash, 'hex') from ledger.provider_keys`

    const published = await Promise.all(
      holders.map(async ({ kind, id, apiKey }) => {
        const key = parseApiKey(apiKey)
        return {
          kind: key?.kind,
          holder: id,
          id: key?.id,
          hash: await hashApiKey(apiKey),
          of: kind,
        }
      }),
    )
    expect(new Set(stored)).toEqual(
      new Set(published.map(({ of, ...key }) => ({ ...key, kind: of }))),
    )
    expect(published.every(({ kind, of }) => kind === of)).toBe(true)
  })

  it('registers the signer whose private key is published with it', async ({ expect }) => {
    const { sql } = await seededDatabase()
    const { privateJwk, thumbprint, id } = seeded.agents.signing
    const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
    const { crv, kty, x } = createPublicKey(key).export({ format: 'jwk' })

    const signers = await sql`select agent_id as id, thumbprint from ledger.agent_signers`

    const computed = createHash('sha256')
      .update(JSON.stringify({ crv, kty, x }))
      .digest('base64url')
    expect([...signers]).toEqual([{ id, thumbprint: computed }])
    expect(thumbprint).toBe(computed)
    expect(privateJwk.x).toBe(x)
  })

  it('names what is there: wallets, endpoints, and one agent that is suspended', async ({
    expect,
  }) => {
    const { sql } = await seededDatabase()

    const [found] = await sql`
      select
        (select array_agg(w.agent_id || ' ' || w.currency || ' ' || w.id order by w.id)
          from ledger.wallets as w) as wallets,
        (select array_agg(e.provider_id || ' ' || e.id order by e.id)
          from ledger.endpoints as e) as endpoints,
        (select array_agg(a.id) from ledger.agents as a where a.status = 'suspended') as suspended`

    expect(found).toEqual({
      wallets: Object.values(seeded.agents).flatMap(({ id, wallets }) =>
        Object.entries(wallets).map(([currency, wallet]) => `${id} ${currency} ${wallet}`),
      ),
      endpoints: Object.values(seeded.providers).flatMap(({ id, endpoints }) =>
        Object.values(endpoints).map((endpoint) => `${id} ${endpoint}`),
      ),
      suspended: [seeded.agents.suspended.id],
    })
  })

  it('changes nothing when it runs again', async ({ expect }) => {
    const { sql, url } = await seededDatabase()
    const everything = () => sql`
      select jsonb_build_array(
        (select jsonb_agg(w) from ledger.wallets as w), (select jsonb_agg(p) from ledger.policies as p),
        (select jsonb_agg(t) from ledger.transfers as t), (select jsonb_agg(k) from ledger.agent_keys as k),
        (select jsonb_agg(e) from ledger.endpoints as e),
        (select jsonb_agg(v) from ledger.endpoint_prices as v)) as all`

    const before = await everything()
    await applySeed(url())

    expect([...(await everything())]).toEqual([...before])
  })
})
