import { randomBytes, randomUUID } from 'node:crypto'
import { bundleWorker } from '../../../local/bundle.ts'
import { type Edges, startEdges } from '../../../local/edges.ts'
import { makeSecrets } from '../../../local/secrets.ts'
import { makeApiKey } from '../../../shared/domain/api-key.ts'
import { call } from '../../support/http.ts'
import { faultOf } from '../generated/documented.ts'
import { naughtyStrings, signatureCases, textCases, tokens } from './cases.ts'
import type { Tally } from './domain.ts'

/** Nobody listens there: what reaches it was not refused in time. */
const NOWHERE = 'http://127.0.0.1:9'

const AT_ONCE = 20

/** Judges every case by an edge in workerd that has no ledger: what it lets through is 5xx. */
export async function judgeAtTheEdge(directory: string): Promise<Tally[]> {
  const { proofKeys, ...secrets } = await makeSecrets(Math.floor(Date.now() / 1000))
  const edges = await startEdges({
    bundle: await bundleWorker(),
    bindings: {
      ENVIRONMENT: 'test',
      ISSUER: 'https://edge.payos.test',
      SUPABASE_URL: NOWHERE,
      UPSTASH_REDIS_REST_URL: NOWHERE,
      QSTASH_URL: NOWHERE,
      SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
      EDGE_DATABASE_TOKEN: secrets.edgeToken,
      DRAIN_DATABASE_TOKEN: secrets.drainToken,
      UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
      PROOF_KEYS: proofKeys,
      METRICS_TOKEN: secrets.metricsToken,
      QSTASH_TOKEN: 'token_of_nobody_at_all',
      QSTASH_CURRENT_SIGNING_KEY: 'sig_current_of_nobody',
      QSTASH_NEXT_SIGNING_KEY: 'sig_next_of_nobody',
    },
  })
  try {
    return [
      await signatures(edges, directory),
      await proofs(edges, directory),
      await texts(edges, directory),
      await strings(edges, directory),
    ]
  } finally {
    await edges.stop()
  }
}

const order = () => ({
  endpointId: randomUUID(),
  walletId: randomUUID(),
  amount: '0.001',
  currency: 'USDC',
  requestId: randomUUID(),
  timestamp: Math.floor(Date.now() / 1000),
  method: 'GET',
})

const key = makeApiKey({ kind: 'agent', environment: 'test', random: randomBytes(96) })

const post = (edges: Edges, route: string, body: Record<string, unknown> | string) =>
  call(edges.edges[0]?.url ?? '', `/v1/x402/${route}`, {
    method: 'POST',
    body,
    key: route === 'pay' ? key : undefined,
  })

/** Runs a judgement over all items, some at once, and keeps what it finds wrong. */
async function wrongOf<Item>(
  items: readonly Item[],
  judge: (item: Item) => Promise<string | undefined>,
): Promise<string[]> {
  const wrong: string[] = []
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const found = await Promise.all(items.slice(at, at + AT_ONCE).map(judge))
    wrong.push(...found.filter((it) => it !== undefined))
  }
  return wrong
}

const tally = (corpus: string, cases: number, wrongAccepts: string[]): Tally => ({
  ...{ corpus, cases, wrongAccepts, leftOut: 'none' },
})

/** No signature of theirs is over an order of ours, under whichever key. */
async function signatures(edges: Edges, directory: string): Promise<Tally> {
  const all = signatureCases(directory)
  const wrong = await wrongOf(all, async ({ name, x, signature }) => {
    const body = { ...order(), publicKey: { kty: 'OKP', crv: 'Ed25519', x }, signature }
    const { status } = await post(edges, 'pay', body)
    return status === 401 || status === 400 ? undefined : `${name}: ${status}`
  })
  return tally('Wycheproof Ed25519, at /pay in workerd', all.length, wrong)
}

async function proofs(edges: Edges, directory: string): Promise<Tally> {
  const all = tokens(directory)
  const wrong = await wrongOf(all, async (proof) => {
    const { status, body } = await post(edges, 'verify', { proof })
    return status === 400 || body.valid === false ? undefined : `${proof}: ${status}`
  })
  return tally('Wycheproof JWS and JWK, at /verify in workerd', all.length, wrong)
}

async function texts(edges: Edges, directory: string): Promise<Tally> {
  const all = textCases(directory)
  const wrong = await wrongOf(all, async ({ name, bytes }) => {
    const response = await fetch(`${edges.edges[0]?.url}/v1/x402/verify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bytes,
    })
    return [400, 413].includes(response.status) ? undefined : `${name}: ${response.status}`
  })
  return tally('JSONTestSuite, at /verify in workerd', all.length, wrong)
}

/** Each string as each member of both bodies: refused, as documented, and not repeated whole. */
async function strings(edges: Edges, directory: string): Promise<Tally> {
  const all = naughtyStrings(directory)
  const places = [
    ...Object.keys({ ...order(), resource: '', signature: '' }).map((it) => ['pay', it] as const),
    ...['proof', 'attemptId', 'resource'].map((it) => ['verify', it] as const),
  ]
  const tries = all.flatMap((text) => places.map((place) => ({ text, place })))
  const wrong = await wrongOf(tries, async ({ text, place: [route, member] }) => {
    const base = route === 'pay' ? order() : { proof: 'a.b.c' }
    const answer = await post(edges, route, { ...base, [member]: text })
    const fault = faultOf(route, answer)
    const isEchoed = text.length > 12 && answer.text.includes(text)
    const isPassed = answer.status >= 500 && !isGood(member, text)
    return fault || isEchoed || isPassed
      ? `${member} ${JSON.stringify(text)}: ${fault ?? answer.status}`
      : undefined
  })
  return tally('naughty strings, in every text of /pay and /verify', tries.length, wrong)
}

/** Some are good values: with nobody to ask, such an order comes as far as the ledger. */
const good: Record<string, RegExp> = {
  requestId: /^[A-Za-z0-9_-]{1,64}$/,
  method: /^[A-Za-z]{3,10}$/,
  amount: /^(0|[1-9]\d{0,9})(\.\d{1,6})?$/,
}

const isGood = (member: string, text: string): boolean => good[member]?.test(text) ?? false
