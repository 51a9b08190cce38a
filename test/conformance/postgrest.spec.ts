import { afterAll, beforeAll, describe, type ExpectStatic, it } from 'vitest'
import type { PostgrestStandIn } from '../../local/stand-ins/postgrest/index.ts'
import { openDatabase, type SpecDatabase } from '../support/postgres.ts'
import { applyFixtures, JWT_SECRET, mintToken, startRpcSpec } from '../support/rpc-spec.ts'
import given from './postgrest/arguments.json' with { type: 'json' }
import callers from './postgrest/callers.json' with { type: 'json' }
import choosing from './postgrest/choosing.json' with { type: 'json' }
import failures from './postgrest/failures.json' with { type: 'json' }
import results from './postgrest/results.json' with { type: 'json' }
import transactions from './postgrest/transactions.json' with { type: 'json' }

/**
 * The cases run against the stand-in, or against another PostgREST with the fixtures in it:
 * `POSTGREST_URL` (up to `/rpc`), `POSTGREST_JWT_SECRET`, and `POSTGREST_APIKEY` where a platform
 * asks for one.
 */
const remote = process.env['POSTGREST_URL']
const secret = process.env['POSTGREST_JWT_SECRET'] ?? JWT_SECRET
const apikey = process.env['POSTGREST_APIKEY']

type Token = {
  claims?: Record<string, unknown>
  fromNow?: Record<string, number>
  secret?: string
  raw?: string
  scheme?: string
}

type Case = {
  name: string
  request: {
    method?: string
    path: string
    headers?: Record<string, string>
    /** Null: none. Absent: one for `authenticated`. */
    token?: Token | null
    body?: unknown
    text?: string
  }
  expect: {
    status: number
    headers?: Record<string, string>
    absent?: string[]
    body?: unknown
    bodyHas?: Record<string, unknown>
    bodyMatches?: string
    /** The body is a string that holds JSON with these members. */
    jsonHas?: Record<string, unknown>
    /** The message is one of these: PostgREST promises no order. */
    messages?: string[]
    text?: string
  }
}

const AREAS: Record<string, Case[]> = {
  'choosing a function': choosing,
  arguments: given,
  results,
  transactions,
  callers,
  failures,
}

let database: SpecDatabase | undefined
let standIn: PostgrestStandIn | undefined
let base = remote ?? ''

beforeAll(async () => {
  if (remote) return
  database = await openDatabase()
  await applyFixtures(database.url())
  standIn = await startRpcSpec(database.url('authenticator'))
  base = standIn.url
})

afterAll(async () => {
  await standIn?.stop()
  await database?.close()
})

describe.each(Object.entries(AREAS))('PostgREST: %s', (_, cases) => {
  it.for(cases)('$name', async ({ request, expect: expected }, { expect }) => {
    const response = await send(request)
    const text = await response.text()

    expect(response.status, text).toBe(expected.status)
    expect(headersOf(response, expected)).toEqual(expected.headers ?? {})
    for (const [check, judge] of Object.entries(BODY_CHECKS)) {
      if (check in expected) judge({ expect, expected, text })
    }
  })
})

/** The headers a case speaks of, as they came; one that must be absent shows only if it came. */
function headersOf({ headers }: Response, expected: Case['expect']) {
  const named = Object.keys(expected.headers ?? {}).map((name) => [name, headers.get(name)])
  const unwanted = (expected.absent ?? []).filter((name) => headers.has(name))
  return Object.fromEntries([...named, ...unwanted.map((name) => [name, headers.get(name)])])
}

type Judge = (scene: { expect: ExpectStatic; expected: Case['expect']; text: string }) => void

const BODY_CHECKS: Record<string, Judge> = {
  text: ({ expect, expected, text }) => expect(text).toBe(expected.text),
  body: ({ expect, expected, text }) => expect(JSON.parse(text)).toEqual(expected.body),
  bodyHas: ({ expect, expected, text }) =>
    expect(JSON.parse(text)).toMatchObject(expected.bodyHas ?? {}),
  bodyMatches: ({ expect, expected, text }) =>
    expect(JSON.parse(text)).toMatch(new RegExp(expected.bodyMatches ?? '')),
  jsonHas: ({ expect, expected, text }) =>
    expect(JSON.parse(JSON.parse(text))).toMatchObject(expected.jsonHas ?? {}),
  messages: ({ expect, expected, text }) =>
    expect(expected.messages).toContain(JSON.parse(text).message),
}

function send({ method = 'POST', path, headers, token = {}, body, text }: Case['request']) {
  const profile = method === 'GET' || method === 'HEAD' ? 'accept-profile' : 'content-profile'
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body))
  return fetch(base + path, {
    method,
    headers: {
      [profile]: 'rpc_spec',
      ...(apikey ? { apikey } : {}),
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: authorizationOf(token) } : {}),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  })
}

function authorizationOf({ scheme = 'Bearer', raw, ...token }: Token): string {
  const now = Math.floor(Date.now() / 1000)
  const times = Object.entries(token.fromNow ?? {}).map(([name, add]) => [name, now + add])
  const claims = { role: 'authenticated', ...token.claims, ...Object.fromEntries(times) }
  if (token.claims && !('role' in token.claims)) delete (claims as { role?: string }).role
  return `${scheme} ${raw ?? mintToken(claims, { secret: token.secret ?? secret })}`
}
