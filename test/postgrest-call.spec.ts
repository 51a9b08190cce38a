import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { PostgrestClient } from '@supabase/postgrest-js'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { caller } from '../shared/adapters/postgrest-call.ts'
import { close, listen } from './sdk/support/serve.ts'

type Answer = { status: number; body: string } | 'dropped' | 'cut off'
type Received = { method: string; url: string; headers: IncomingHttpHeaders; body: string }

const received: Received[] = []
let answer: Answer = { status: 200, body: 'null' }

const gateway = createServer(async (request, response) => {
  const { method = '', url = '', headers } = request
  received.push({ method, url, headers, body: await text(request) })
  if (answer === 'dropped') {
    response.destroy()
  } else if (answer === 'cut off') {
    response.writeHead(200, { 'content-length': '100' }).write('{"outcome"')
    setImmediate(() => response.destroy())
  } else {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  }
})

let origin: string
beforeAll(async () => {
  origin = await listen(gateway)
})
beforeEach(() => {
  received.length = 0
})
afterAll(() => close(gateway))

const address = () => ({
  url: origin,
  apiKey: 'sb_publishable_of_this_test',
  token: 'token-of-this-test',
})

type Arguments = Record<string, unknown>

/** The same call by the vendor's client, as it was made before decision 0039. */
async function callByVendor(name: string, args: Arguments) {
  const { url, apiKey, token } = address()
  const client = new PostgrestClient(`${url}/rest/v1`, {
    schema: 'api',
    headers: { apikey: apiKey, authorization: `Bearer ${token}` },
  })
  const { data, error, status } = await client.rpc(name, args).retry(false)
  return error ? { ok: false, failed: { code: error.code ?? '', status } } : { ok: true, data }
}

const callByUs = (name: string, args: Arguments) => caller(address())(name, args)

/** Said of the caller, not of the call. */
const ofTheClient = ['x-client-info', 'host', 'connection']

const told = ({ headers, ...rest }: Received) => ({
  ...rest,
  headers: Object.fromEntries(
    Object.entries(headers).filter(([name]) => !ofTheClient.includes(name)),
  ),
})

describe('a call of the ledger', () => {
  const calls: [string, Arguments][] = [
    ['settle_x402_payment', { amount: '1000', resource: null, capture: 'automatic' }],
    ['settle_x402_batch', { records: [{ seq: 1, resource: 'https://ä.example/?q="€"' }] }],
    ['get_x402_payment', { wallet_id: undefined, request_id: 'a' }],
    ['roll_up_x402_credits', {}],
  ]

  it.for(calls)("is sent as the vendor's client sends it: %s", async ([name, args], { expect }) => {
    answer = { status: 200, body: 'null' }
    await callByUs(name, args)
    await callByVendor(name, args)

    const [ours, vendors] = received.map(told)
    expect(ours).toEqual(vendors)
  })

  const answers: Answer[] = [
    { status: 200, body: '{"outcome":"payment"}' },
    { status: 200, body: 'null' },
    { status: 200, body: '[]' },
    { status: 200, body: '' },
    { status: 200, body: '<html>' },
    { status: 204, body: '' },
    { status: 400, body: '{"code":"42883","message":"no such function"}' },
    { status: 401, body: '{"code":"PGRST301","message":"JWT expired"}' },
    { status: 404, body: '{"code":"PGRST202"}' },
    { status: 500, body: '{"message":"no code"}' },
    { status: 502, body: '<html>bad gateway</html>' },
    { status: 503, body: '' },
    { status: 503, body: '{"code":"PGRST002"}' },
    'dropped',
    'cut off',
  ]

  it.for(answers.map((it) => [JSON.stringify(it), it] as const))(
    "is read as the vendor's client reads it: %s",
    async ([, given], { expect }) => {
      answer = given

      expect(await callByUs('settle_x402_payment', {})).toEqual(
        await callByVendor('settle_x402_payment', {}),
      )
    },
  )

  it.for([
    { status: 404, body: '[]' },
    { status: 404, body: '' },
    { status: 500, body: 'null' },
  ])('is a failure whenever the status says so: $status "$body"', async (given, { expect }) => {
    answer = given

    const called = await callByUs('get_x402_payment', {})

    expect(called).toEqual({ ok: false, failed: { code: '', status: given.status } })
  })

  it.for(['dropped', 'cut off', { status: 503, body: '' }] as const)(
    'is made once, whatever comes of it: %o',
    async (given, { expect }) => {
      answer = given
      await callByUs('settle_x402_payment', {})

      expect(received).toHaveLength(1)
    },
  )
})
