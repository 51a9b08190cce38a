import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { startEdges } from '../../local/edges.ts'
import type { Latency } from '../../local/latency.ts'
import { makeSecrets } from '../../local/secrets.ts'
import { startPostgrest } from '../../local/stand-ins/postgrest/index.ts'
import { type QstashStandIn, startQstash } from '../../local/stand-ins/qstash/index.ts'
import { startRedis } from '../../local/stand-ins/redis/index.ts'
import type { Bench } from '../scenario.ts'
import type { World } from '../world/databases.ts'

/** The replaced system at its edge, over stand-ins of its own in front of a world's database. */
export type ReferenceEdge = AsyncDisposable & {
  url: string
  publicKey: KeyObject
  qstash: QstashStandIn
}

/** Brings the reference flow's tables into a world and starts its Worker there. */
export async function openReference(
  bench: Bench,
  world: World,
  latency: Latency,
): Promise<ReferenceEdge> {
  const schema = await readFile(new URL('./schema.sql', import.meta.url), 'utf8')
  await world.sql.unsafe(schema)
  const secrets = await makeSecrets(Math.floor(Date.now() / 1000))
  const [postgrest, redis, qstash] = await Promise.all([
    startPostgrest({
      databaseUrl: world.url('authenticator'),
      jwtSecret: secrets.jwtSecret,
      schemas: ['reference'],
      apiKeys: { [secrets.publishableKey]: 'anon' },
    }),
    startRedis({ token: secrets.redisToken }),
    startQstash(),
  ])
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const edges = await startEdges({
    bundle: bench.bundles.reference,
    latency,
    backends: { [postgrest.url]: 'database', [redis.url]: 'redis', [qstash.url]: 'qstash' },
    bindings: {
      SUPABASE_URL: postgrest.url,
      SUPABASE_KEY: secrets.publishableKey,
      DATABASE_TOKEN: secrets.edgeToken,
      REDIS_URL: redis.url,
      REDIS_TOKEN: secrets.redisToken,
      QSTASH_URL: qstash.url,
      QSTASH_TOKEN: qstash.token,
      PROOF_KEY: JSON.stringify(privateKey.export({ format: 'jwk' })),
    },
  })
  const url = edges.edges[0]?.url ?? ''
  await edges.setBindings({ SETTLE_URL: `${url}/settle` })
  return {
    url,
    publicKey,
    qstash,
    [Symbol.asyncDispose]: async () => {
      await edges.stop()
      await Promise.all([postgrest.stop(), redis.stop(), qstash.stop()])
    },
  }
}
