import { PostgrestClient } from '@supabase/postgrest-js'
import { Client as Qstash } from '@upstash/qstash'
import { Redis } from '@upstash/redis/cloudflare'
import { type Backends, type Call, type Env, issueProof, type Order } from './flow.ts'
import {
  batchSettlement,
  bloomAndLocalProofs,
  inParallel,
  oneByOne,
  settleBatch,
} from './stages.ts'

/** What lives as long as the isolate. */
let backends: Backends | undefined

const stages = [oneByOne, inParallel, batchSettlement, bloomAndLocalProofs]

/** `POST /pay/{1..4}` by the stage named; `/verify` and `/settle` as its stages call them. */
// biome-ignore lint/style/noDefaultExport: a Worker is the default export of its module
export default {
  async fetch(request: Request, env: Env, context: { waitUntil(work: Promise<unknown>): void }) {
    backends ??= connect(env)
    const [, route, number] = new URL(request.url).pathname.split('/')
    const body = await request.json()
    if (route === 'settle') return Response.json(await settleBatch(backends, body as Order[]))
    if (route === 'verify') return Response.json(await verify(backends, body as Proven))

    const stage = stages[Number(number) - 1]
    if (!stage) return new Response('no such stage', { status: 404 })
    const order = body as Order
    const transferId = crypto.randomUUID()
    const call: Call = { order, transferId, later: (work) => context.waitUntil(work) }
    const balance = await stage(backends, call)
    const proof = await issueProof(env, { jti: transferId, eid: order.endpointId })
    return Response.json({ transferId, balance, proof })
  },
}

type Proven = { transferId: string; endpointId: string }

/** The remote verification of the first three stages: the proof is looked up, once more. */
async function verify({ query }: Backends, { transferId, endpointId }: Proven) {
  const valid = await query('verify_transfer', { of_id: transferId, of_endpoint: endpointId })
  return { valid }
}

function connect(env: Env): Backends {
  const database = new PostgrestClient(`${env.SUPABASE_URL}/rest/v1`, {
    schema: 'reference',
    headers: { apikey: env.SUPABASE_KEY, authorization: `Bearer ${env.DATABASE_TOKEN}` },
  })
  const redis = new Redis({
    url: env.REDIS_URL,
    token: env.REDIS_TOKEN,
    enableTelemetry: false,
    retry: { retries: 0 },
  })
  const qstash = new Qstash({ baseUrl: env.QSTASH_URL, token: env.QSTASH_TOKEN })
  return {
    seen: new Set(),
    redis,
    async query<Row>(name: string, args: Record<string, unknown>) {
      const { data, error } = await database.rpc(name, args)
      if (error) throw new Error(`${name}: ${error.message}`)
      return data as Row
    },
    publish: (order) => qstash.publishJSON({ url: env.SETTLE_URL, body: [order] }),
  }
}
