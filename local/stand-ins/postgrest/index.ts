import { MovableClock } from '../../clock.ts'
import { type StandIn, serveStandIn } from '../server.ts'
import { functionNameIn, pathOf } from './call.ts'
import { serveCall } from './gateway.ts'
import { Pool } from './pool.ts'
import { SchemaCache } from './schema-cache.ts'
import { Session } from './session.ts'
import { type Jwk, TokenVerifier } from './token.ts'

export type PostgrestOptions = {
  /** As the login that may become every other role and has no rights of its own. */
  databaseUrl: string
  /** Signs role tokens without a `kid`, as the platform's first keys did. */
  jwtSecret: string
  /** Exposed schemas; the first is the default. */
  schemas: readonly string[]
  port?: number
  clock?: MovableClock
  poolSize?: number
  poolTimeoutMs?: number
  /** Opaque project keys and the role each stands for; with any, `/rest/v1` asks for one. */
  apiKeys?: Record<string, string>
  /** Further verification keys, asymmetric or symmetric. */
  jwks?: readonly Jwk[]
  /** The role of a request without a token; null refuses such requests. */
  anonymousRole?: string | null
  /** Let callers end their transaction with `Prefer: tx=rollback`. */
  allowRollback?: boolean
  extraSearchPath?: readonly string[]
}

/** The keys that verify role tokens; what is left out verifies nothing any more. */
type VerificationKeys = { jwtSecret?: string; jwks?: readonly Jwk[] }

export type PostgrestStandIn = StandIn & {
  /** Reads functions and role settings again, as `NOTIFY pgrst` does. */
  reload: () => Promise<void>
  /** Puts these keys in force; tokens signed by any other are refused at once. */
  replaceKeys: (keys: VerificationKeys) => void
}

/**
 * Serves the functions of a database as PostgREST does, under `/rpc` and, behind the platform's
 * prefix and key check, under `/rest/v1/rpc`.
 *
 * Faults and trips are by function name. Orders of its own: `reload`, and `keys` with
 * `{ jwtSecret?, jwks? }`.
 */
export async function startPostgrest(options: PostgrestOptions): Promise<PostgrestStandIn> {
  const { databaseUrl, schemas } = options
  const clock = options.clock ?? new MovableClock()
  const verifier = new TokenVerifier(clock, keyList(options))
  const cache = new SchemaCache(databaseUrl, schemas)
  const pool = new Pool({
    size: options.poolSize ?? 10,
    timeoutMs: options.poolTimeoutMs ?? 10_000,
    open: () => Session.open(databaseUrl),
  })
  await cache.start()

  const reload = () => cache.reload('')
  const replaceKeys = (keys: VerificationKeys) => verifier.replaceKeys(keyList(keys))
  const gateway = {
    callers: {
      verifier,
      apiKeys: options.apiKeys ?? {},
      anonymousRole: options.anonymousRole === undefined ? 'anon' : options.anonymousRole,
    },
    exposed: { schemas, allowRollback: options.allowRollback ?? false },
    extraSearchPath: options.extraSearchPath ?? ['public', 'extensions'],
    cache,
    pool,
  }
  const serving = serveStandIn({
    name: 'PostgREST',
    port: options.port,
    clock,
    subjectOf: (request) => functionNameIn(pathOf(request)) ?? request.url.pathname,
    handle: (request) => serveCall(gateway, request),
    orders: { reload, keys: (keys) => replaceKeys(keys as VerificationKeys) },
  })
  const standIn = await serving.catch(async (cause: unknown) => {
    await cache.stop()
    throw cause
  })
  const stop = async () => {
    await standIn.stop()
    await cache.stop()
    await pool.close()
  }
  return { ...standIn, reload, replaceKeys, stop }
}

function keyList({ jwtSecret, jwks = [] }: VerificationKeys): Jwk[] {
  if (!jwtSecret) return [...jwks]
  return [{ kty: 'oct', k: Buffer.from(jwtSecret).toString('base64url') }, ...jwks]
}
