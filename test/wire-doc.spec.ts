import { createHash, createPrivateKey, sign } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compactVerify, importJWK, type JWK } from 'jose'
import { describe, it } from 'vitest'
import { hashApiKey, parseApiKey } from '../shared/domain/api-key.ts'
import { splitCompactJws } from '../shared/domain/compact-jws.ts'
import { readJson } from '../shared/domain/json.ts'
import { formatDecimal, parseDecimal } from '../shared/domain/money.ts'
import { PublicJwk, payMessage, thumbprint } from '../shared/domain/pay-signature.ts'
import { paymentIdOf } from '../shared/domain/payment-id.ts'
import { type ProblemCode, problems } from '../shared/domain/problem.ts'
import { judgeClaims, ProofClaims, proofReasons } from '../shared/domain/proof.ts'
import { isRefusalCode, refusal } from '../shared/domain/refusal.ts'
import { parseResource, resourceHash } from '../shared/domain/resource.ts'
import { parseTimestamp } from '../shared/domain/timestamp.ts'
import { parsePayRequest } from '../shared/protocol/pay.ts'

const page = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'docs', `${name}.md`), 'utf8')

const PROJECT = join(import.meta.dirname, '..')

/** A comment, or a text with what is between its quotes. */
const TEXT = /\/\*.*?\*\/|\/\/[^\n]*|(['"`])((?:\\.|(?!\1)[^\\])*)\1/gs

/** Every sentence in the code; what is filled in later may be anything. */
const sentences = globSync('{functions,shared}/**/*.ts', { cwd: PROJECT })
  .filter((path) => !path.endsWith('.test.ts'))
  .flatMap((path) => [...readFileSync(join(PROJECT, path), 'utf8').matchAll(TEXT)])
  .map(([, , text = '']) => text.replaceAll(/\\(.)/g, '$1'))
  .filter((text) => /^[\w"].* .*[.}]$/.test(text))
  .map((text) => {
    const parts = text.split(/\$\{[^}]*\}/).map(RegExp.escape)
    return new RegExp(`^${parts.join('.+')}$`)
  })

const vectors = new Map(
  [...page('wire').matchAll(/^```json ([\w-]+)\n(.*?)^```$/gms)].map(([, name = '', text = '']) => [
    name,
    JSON.parse(text) as unknown,
  ]),
)

const vector = <Shape>(name: string): Shape => vectors.get(name) as Shape

/** What the page writes of a value, and what comes of it; null where it is refused. */
type Case<Result extends string> = { written: string } & Record<Result, string | null>

const payment = vector<{
  issuer: string
  privateJwk: PublicJwk & { d: string }
  body: Record<string, unknown>
  contentLines: string[]
  paymentId: string
  signedLines: string[]
  thumbprint: string
}>('payment')

const proof = vector<{
  publishedKey: JWK & { kid: string }
  claims: Record<string, unknown>
  token: string[]
}>('proof')

/** The body of the page's payment, as the edge reads it. */
function readPayment() {
  const json = readJson(new TextEncoder().encode(JSON.stringify(payment.body)))
  if (!json.ok) throw new Error(json.reason)
  const read = parsePayRequest(json.value, { alias: undefined, allowLoopbackHttp: false })
  if (!read.ok) throw new Error(read.problem.detail)
  return read.value
}

describe('docs/wire.md', () => {
  it('names each route there is', ({ expect }) => {
    const app = readFileSync(join(PROJECT, 'functions/app.ts'), 'utf8')
    const routes = [...app.matchAll(/app\.route\('([^']+)'/g)].map(([, path = '']) => path)
    const [, table = ''] = page('wire').split(/^## /m)

    expect(routes.length).toBeGreaterThan(10)
    expect(routes.filter((path) => !table.includes(` ${path}`))).toEqual([])
  })

  it('names each of its vectors', ({ expect }) => {
    expect([...vectors.keys()]).toEqual([
      'api-keys',
      'amounts',
      'timestamps',
      'resources',
      'payment',
      'resource-hashes',
      'proof',
    ])
  })

  it.for(vector<Record<string, string>[]>('api-keys'))(
    'reads an API key and its hash as the code does: $text',
    async ({ hash, ...key }, { expect }) => {
      expect(parseApiKey(key['text'] ?? '')).toEqual(key)
      expect(await hashApiKey(key['text'] ?? '')).toBe(hash)
    },
  )

  it.for(vector<Case<'atomic' | 'canonical'>[]>('amounts'))(
    'reads an amount as the code does: $written',
    ({ written, atomic, canonical }, { expect }) => {
      const amount = parseDecimal(written, 'USDC')

      expect(amount?.toString() ?? null).toBe(atomic)
      expect(amount === undefined ? null : formatDecimal(amount, 'USDC')).toBe(canonical)
    },
  )

  it.for(vector<{ written: string; seconds: number | null }[]>('timestamps'))(
    'reads a timestamp as the code does: $written',
    ({ written, seconds }, { expect }) => {
      const moment = parseTimestamp(written)

      expect(moment.ok ? moment.seconds : null).toBe(seconds)
    },
  )

  it.for(vector<Case<'href'>[]>('resources'))(
    'reads a resource as the code does: $written',
    ({ written, href }, { expect }) => {
      const resource = parseResource(written, { allowLoopbackHttp: false })

      expect(resource.ok ? resource.href : null).toBe(href)
    },
  )

  it('arrives at the payment id, by the code and by its definition', async ({ expect }) => {
    const lines = payment.contentLines.join('\n')
    const digits = createHash('sha256').update(lines).digest('hex').slice(0, 32)
    const free = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/
    const id = new RegExp(digits.replace(free, '^$1-$2-8$3-[89ab]$4-$5$'))

    expect(await paymentIdOf(readPayment())).toBe(payment.paymentId)
    expect(payment.paymentId).toMatch(id)
  })

  it('arrives at the lines that are signed, the signature and the thumbprint', async ({
    expect,
  }) => {
    const key = createPrivateKey({ key: payment.privateJwk, format: 'jwk' })
    const message = payment.signedLines.join('\n')
    const { d: _, ...publicJwk } = payment.privateJwk

    expect(payMessage({ ...readPayment(), issuer: payment.issuer })).toBe(message)
    expect(sign(null, Buffer.from(message), key).toString('base64url')).toBe(
      payment.body['signature'],
    )
    expect(await thumbprint(PublicJwk.parse(publicJwk))).toBe(payment.thumbprint)
  })

  it.for(vector<{ method: string; href: string; rsh: string }[]>('resource-hashes'))(
    'hashes method and resource as the code does: $method $href',
    async ({ method, href, rsh }, { expect }) => {
      expect(await resourceHash(method, href)).toBe(rsh)
    },
  )

  it('shows a proof of that payment that verifies with its key alone', async ({ expect }) => {
    const token = proof.token.join('.')
    const split = splitCompactJws(token)
    const claims = ProofClaims.parse(proof.claims)
    const verified = await compactVerify(token, await importJWK(proof.publishedKey, 'EdDSA'))
    const reasons = judgeClaims(claims, {
      issuer: payment.issuer,
      network: 'payos:test',
      nowSeconds: claims.iat,
      endpointId: readPayment().endpointId,
      minimum: readPayment().amount,
      resourceHashes: [await resourceHash('GET', readPayment().href ?? '')],
    })

    expect(split).toMatchObject({ ok: true, kid: proof.publishedKey.kid, claims: proof.claims })
    expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(proof.claims)
    expect([claims.jti, claims.cnf?.jkt]).toEqual([payment.paymentId, payment.thumbprint])
    expect(reasons).toEqual([])
  })
})

describe('docs/problems.md', () => {
  const sections = page('problems')
    .split(/^## /m)
    .slice(1)
    .map((section) => [/^\w+$/m.exec(section)?.[0] ?? '', section] as const)
    .filter(([code]) => Object.hasOwn(problems, code))

  it.for(sections)('says of %s what its answer says', ([code, section], { expect }) => {
    const example = /^```json\n(.*?)^```$/ms.exec(section)?.[1]
    const { status, retry, title } = problems[code as ProblemCode]
    const said = JSON.parse(example ?? '') as Record<'detail' | 'hint', string>
    const unsaid = [said.detail, said.hint].filter(
      (it) => !sentences.some((sentence) => sentence.test(it)),
    )

    expect(said).toMatchObject({ code, status, retry, title })
    expect(unsaid).toEqual([])
    if (isRefusalCode(code)) {
      const { detail, hint, param } = refusal(code)
      expect(said).toMatchObject({ detail, hint, ...(param && { param }) })
    }
    expect(section).toMatch(/^- Who fixes it: .*^- How: .*^- Charged: /ms)
  })

  it('lists every reason a proof is refused for, in order', ({ expect }) => {
    const reasons = [...page('problems').matchAll(/^### (\w+)$/gm)].map(([, reason]) => reason)

    expect(reasons).toEqual([...proofReasons])
  })
})
