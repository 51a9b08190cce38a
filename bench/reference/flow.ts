import type { Redis } from '@upstash/redis/cloudflare'
import { importJWK, SignJWT } from 'jose'

export type Env = Record<
  'SUPABASE_URL' | 'SUPABASE_KEY' | 'DATABASE_TOKEN' | 'REDIS_URL' | 'REDIS_TOKEN',
  string
> &
  Record<'QSTASH_URL' | 'QSTASH_TOKEN' | 'SETTLE_URL' | 'PROOF_KEY', string>

export type Order = {
  walletId: string
  endpointId: string
  requestId: string
  amount: number
  transferId?: string
}

/** One payment under way. */
export type Call = { order: Order; transferId: string; later: (work: Promise<unknown>) => void }

export type Backends = {
  /** One query, so one trip to the database. */
  query: <Row>(name: string, args: Record<string, unknown>) => Promise<Row>
  redis: Redis
  publish: (order: Order) => Promise<unknown>
  /** Request ids this isolate has seen; exact, which flatters the Bloom filter it stands for. */
  seen: Set<string>
}

let key: CryptoKey | Uint8Array | undefined

/** The proof as that system signed it, with the same curve as ours. */
export async function issueProof(env: Env, claims: { jti: string; eid: string }): Promise<string> {
  key ??= await importJWK(JSON.parse(env.PROOF_KEY), 'EdDSA')
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuedAt()
    .setExpirationTime('2m')
    .sign(key)
}
