import { describe, it } from 'vitest'
import { readBody, readBytes } from './body.ts'

const LIMIT = 64 * 1024

type Sent = { body?: BodyInit; headers?: Record<string, string> }

const request = ({ body = '{}', headers = {} }: Sent = {}) =>
  new Request('https://edge.example/v1/x402/pay', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    // A body that comes in pieces has no announced length.
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  })

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A body in pieces, and how many of them were taken from it. */
function pieces(...all: Uint8Array[]) {
  const left = [...all]
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = left.shift()
        if (next) controller.enqueue(next)
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return { body, left }
}

/** As an HTTP server hands it over: with the length the sender announced, true or not. */
const announcing = (length: number, body: BodyInit) =>
  request({ body, headers: { 'content-length': `${length}` } })

const problemOf = async (sent: Sent | Request) => {
  const read = await readBody(sent instanceof Request ? sent : request(sent))
  if (read.ok) throw new Error('it was read')
  const { code, detail, hint, param } = read.problem
  return { code, detail, hint, param }
}

describe('a body', () => {
  it('is read as one JSON object', async ({ expect }) => {
    const read = await readBody(request({ body: '{"a":"b","c":[true]}' }))
    expect(read).toEqual({ ok: true, value: { a: 'b', c: [true] } })
  })

  it.for([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json ;  charset="utf-8" ',
  ])('is taken as %j', async (type, { expect }) => {
    expect(await readBody(request({ headers: { 'content-type': type } }))).toMatchObject({
      ok: true,
    })
  })

  it.for([
    'text/plain',
    'application/json2',
    'xapplication/json',
    'application/json;',
    'application/jsonp; charset=utf-8',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8x',
    'application/json; charset=utf-8; boundary=x',
    'application/json, application/json',
    '',
  ])('is not taken as %j', async (type, { expect }) => {
    expect(await problemOf({ headers: { 'content-type': type } })).toEqual({
      code: 'unsupported_media_type',
      detail: 'The body is taken as plain JSON only.',
      hint: 'Send "Content-Type: application/json", and the body as it is, without compression.',
      param: 'content-type',
    })
  })

  it('of no type at all is not taken', async ({ expect }) => {
    const bare = request({ body: bytesOf('{}') })
    bare.headers.delete('content-type')
    expect(await problemOf(bare)).toMatchObject({ param: 'content-type' })
  })

  it.for(['identity', 'Identity', ''])('is taken in the encoding %j', async (it, { expect }) => {
    const read = await readBody(request({ headers: { 'content-encoding': it } }))
    expect(read.ok).toBe(true)
  })

  it.for(['gzip', 'br', 'identity, gzip', 'gzip, identity', 'xidentity'])(
    'is not taken in the encoding %j',
    async (encoding, { expect }) => {
      const problem = await problemOf({ headers: { 'content-encoding': encoding } })
      expect(problem).toMatchObject({ code: 'unsupported_media_type', param: 'content-encoding' })
    },
  )

  it.for<[string, string]>([
    ['', 'The body is empty.'],
    ['\ufeff{}', 'The body begins with a byte order mark.'],
    ['"\\ud800"', 'The body is not valid UTF-8.'],
    ['{', 'The body is not valid JSON.'],
    ['['.repeat(17) + ']'.repeat(17), 'The body nests deeper than 16 levels.'],
    ['[]', 'The body is not a JSON object.'],
    ['1', 'The body is not a JSON object.'],
    ['"{}"', 'The body is not a JSON object.'],
    ['null', 'The body is not a JSON object.'],
    ['true', 'The body is not a JSON object.'],
  ])('of %j is refused with its reason', async ([text, detail], { expect }) => {
    expect(await problemOf({ body: bytesOf(text) })).toEqual({
      code: 'malformed_request',
      detail,
      hint: 'Send one JSON object in UTF-8, each member once.',
      param: 'body',
    })
  })

  it('with a member twice names it, as far as 80 characters', async ({ expect }) => {
    const detail = 'The body has the same member twice.'
    expect(await problemOf({ body: '{"a":{"b":1,"b":2}}' })).toMatchObject({ detail, param: 'a.b' })
    const name = 'n'.repeat(100)
    expect((await problemOf({ body: `{"${name}":1,"${name}":2}` })).param).toBe('n'.repeat(80))
  })
})

describe('the length of a body', () => {
  const tooLarge = {
    code: 'body_too_large',
    detail: 'The body is longer than 64 KiB.',
    hint: 'Send only the members the documentation names.',
    param: 'body',
  }
  const full = `{"a":"${'x'.repeat(LIMIT - 8)}"}`

  it('may be 64 KiB and not one byte more, announced', async ({ expect }) => {
    expect((await readBody(announcing(LIMIT, full))).ok).toBe(true)
    expect(await problemOf(announcing(LIMIT + 1, `${full} `))).toEqual(tooLarge)
  })

  it('may be 64 KiB and not one byte more, in pieces', async ({ expect }) => {
    const [head, rest] = [bytesOf(full.slice(0, 10)), bytesOf(full.slice(10))]
    const fits = await readBody(request({ body: pieces(head, rest).body }))
    expect(fits).toMatchObject({ ok: true, value: { a: 'x'.repeat(LIMIT - 8) } })
    const over = pieces(head, rest, bytesOf(' '))
    expect(await problemOf({ body: over.body })).toEqual(tooLarge)
  })

  it('is not read beyond what is taken: announced, not at all', async ({ expect }) => {
    const sent = announcing(LIMIT + 1, `${full} `)
    expect(await readBytes(sent)).toBeUndefined()
    expect(sent.bodyUsed).toBe(false)
  })

  it('is not read beyond what is taken: in pieces, to the one that is too much', async ({
    expect,
  }) => {
    const half = new Uint8Array(LIMIT / 2)
    const { body, left } = pieces(half, half, half, half, half)
    expect(await readBytes(request({ body }))).toBeUndefined()
    expect(left.length).toBe(2)
  })

  it.for(['', 'x', '-'])('is no length when it is announced as %j', async (it, { expect }) => {
    expect(await readBytes(request({ headers: { 'content-length': it } }))).toBeUndefined()
  })

  it('is none without a body', async ({ expect }) => {
    const bare = new Request('https://edge.example/', { method: 'POST' })
    expect(await readBytes(bare)).toEqual(new Uint8Array())
  })

  it('is read as it came, whole', async ({ expect }) => {
    const parts = [bytesOf('{"a'), bytesOf('":'), bytesOf('"é"}')]
    expect(await readBytes(request({ body: pieces(...parts).body }))).toEqual(bytesOf('{"a":"é"}'))
    expect(await readBytes(announcing(10, '{"a":"é"}'))).toEqual(bytesOf('{"a":"é"}'))
  })
})

describe('a body that may be wide', () => {
  const list = (bytes: number) => `{"proofs":"${'x'.repeat(bytes - 13)}"}`
  const detailOf = async (text: string, wide?: string) => {
    const read = await readBody(announcing(text.length, text), wide)
    return read.ok ? 'read' : read.problem.detail
  }

  it('has 128 KiB at most, and only with the member it is wide for', async ({ expect }) => {
    const other = list(LIMIT + 1).replace('proofs', 'proofz')
    expect(await detailOf(list(2 * LIMIT), 'proofs')).toBe('read')
    expect(await detailOf(list(2 * LIMIT + 1), 'proofs')).toBe('The body is longer than 128 KiB.')
    expect(await detailOf(other, 'proofs')).toBe('The body is longer than 64 KiB.')
    expect(await detailOf(list(LIMIT + 1))).toBe('The body is longer than 64 KiB.')
  })

  it('needs no such member while it is as long as others', async ({ expect }) => {
    expect(await detailOf(list(LIMIT).replace('proofs', 'proofz'), 'proofs')).toBe('read')
    expect(await detailOf('{}', 'proofs')).toBe('read')
  })

  it('is wide in pieces, too', async ({ expect }) => {
    const half = bytesOf(list(2 * LIMIT))
    const sent = pieces(half.subarray(0, LIMIT), half.subarray(LIMIT)).body
    expect((await readBody(request({ body: sent }), 'proofs')).ok).toBe(true)
  })
})
