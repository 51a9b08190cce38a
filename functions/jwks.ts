import { Hono } from 'hono'
import { hex, sha256 } from '../shared/domain/digest.ts'
import type { Deps } from './deps.ts'
import type { PayosEnv } from './http.ts'

/**
 * `GET /.well-known/jwks.json`: the public keys that verify proofs (RFC 7517 section 5).
 *
 * A key appears here at least ten minutes before it signs and stays a day after it last did, so a
 * copy of this answer that is five minutes old refuses no valid proof.
 */
export const jwks = ({ proofs }: Pick<Deps, 'proofs'>) =>
  new Hono<PayosEnv>().get('/', async (c) => {
    const body = JSON.stringify({ keys: proofs.publicKeys() })
    const etag = `"${hex((await sha256(body)).slice(0, 16))}"`
    const headers = {
      'Cache-Control': 'public, max-age=300, stale-if-error=86400',
      ETag: etag,
      'Access-Control-Allow-Origin': '*',
    }
    const known = (c.req.header('if-none-match') ?? '').split(/\s*,\s*/)
    if ([etag, `W/${etag}`, '*'].some((it) => known.includes(it))) return c.body(null, 304, headers)
    return c.body(body, 200, { ...headers, 'Content-Type': 'application/jwk-set+json' })
  })
