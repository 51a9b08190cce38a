import { type PostgrestStandIn, startPostgrest } from '../../local/stand-ins/postgrest/index.ts'
import { type RedisStandIn, startRedis } from '../../local/stand-ins/redis/index.ts'
import { openDatabase, type SpecDatabase } from './postgres.ts'
import { JWT_SECRET, mintToken } from './rpc-spec.ts'
import { type Desk, openDesk, type Ran } from './tools.ts'
import type { World } from './world.ts'

const API_KEY = 'sb_publishable_spec'

/** A ledger and a Redis with an operator's desk before them. */
export type Operated = {
  database: SpecDatabase
  postgrest: PostgrestStandIn
  redis: RedisStandIn
  desk: Desk
  /** Runs `npm run admin -- <line>`; words are separated by single spaces. */
  admin: (line: string, env?: object) => Promise<Ran>
  /** The environment of a hosted PayOS, with some of it otherwise. */
  hosted: (over: object) => object
  close: () => Promise<void>
}

/** Starts the stand-ins before a database of the caller's own, seeded, and opens a desk. */
export async function openOperated(): Promise<Operated> {
  const database = await openDatabase()
  const postgrest = await startPostgrest({
    databaseUrl: database.url('authenticator'),
    jwtSecret: JWT_SECRET,
    schemas: ['api'],
    apiKeys: { [API_KEY]: 'anon' },
  })
  const redis = await startRedis({ token: 'a token of the spec' })
  const desk = await openDesk()
  const token = mintToken({ role: 'x402_operator' })
  await desk.writeDevFile({
    edge: 'http://127.0.0.1:9',
    agent: { apiKey: 'none', walletId: 'none' },
    provider: { endpointIds: {} },
    metricsToken: 'none',
    operator: { token },
    supabase: postgrest.url,
    supabaseKey: API_KEY,
    redis: redis.url,
    redisToken: redis.token,
    region: 'local',
  })
  return {
    database,
    postgrest,
    redis,
    desk,
    admin: (line, env = {}) => desk.run('admin', line.split(' '), { env }),
    hosted: (over) => ({
      ENVIRONMENT: 'test',
      ISSUER: 'https://edge.example',
      SUPABASE_URL: postgrest.url,
      SUPABASE_PUBLISHABLE_KEY: API_KEY,
      OPERATOR_TOKEN: token,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      ...over,
    }),
    async close() {
      await Promise.all([postgrest.stop(), redis.stop(), desk.close()])
      await database.close()
    },
  }
}

/** The environment of an operator of a world, for a desk to run tools in. */
export const operatorOf = ({ payos }: World): object => ({
  ENVIRONMENT: 'test',
  ISSUER: payos.issuer,
  SUPABASE_URL: payos.postgrest.url,
  SUPABASE_PUBLISHABLE_KEY: payos.secrets.publishableKey,
  OPERATOR_TOKEN: payos.secrets.operatorToken,
  UPSTASH_REDIS_REST_URL: payos.redis.url,
  UPSTASH_REDIS_REST_TOKEN: payos.secrets.redisToken,
})
