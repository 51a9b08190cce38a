import fc from 'fast-check'
import { CompactSign } from 'jose'
import { describe, it } from 'vitest'
import { splitCompactJws } from './compact-jws.ts'

const kid = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
const header = { alg: 'EdDSA', typ: 'payos-proof+jwt', kid }
const claims = { iss: 'https://edge.example', aud: 'p', jti: 'j', exp: 1_795_176_120 }
const base64url = (content: string | Buffer) => Buffer.from(content).toString('base64url')
const signature = base64url(Buffer.alloc(64, 0xfb))

/** A token of three parts, each given as text or as an object to be written as JSON. */
function token(parts: { header?: unknown; claims?: unknown; signature?: string } = {}): string {
  const text = (part: unknown) => base64url(typeof part === 'string' ? part : JSON.stringify(part))
  const { header: top = header, claims: middle = claims } = parts
  return `${text(top)}.${text(middle)}.${parts.signature ?? signature}`
}

const proof = token()
const [top = '', middle = '', last = ''] = proof.split('.')
/** A token of this many characters exactly. */
const ofLength = (length: number) => {
  const room = Math.floor(((length - top.length - last.length - 2) * 3) / 4)
  const padded = token({
    claims: { ...claims, x: 'x'.repeat(room - JSON.stringify(claims).length - 7) },
  })
  return padded
}

describe('splitCompactJws', () => {
  it('takes apart what jose signs', async ({ expect }) => {
    const { privateKey, publicKey } = (await crypto.subtle.generateKey('Ed25519', false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    const text = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader(header)
      .sign(privateKey)

    const parts = splitCompactJws(text)

    if (!parts.ok) throw new Error(parts.reason)
    expect({ kid: parts.kid, claims: parts.claims }).toEqual({ kid, claims })
    const { signingInput } = parts
    expect(await crypto.subtle.verify('Ed25519', publicKey, parts.signature, signingInput)).toBe(
      true,
    )
  })

  it.for<[string, string, string]>([
    // what is wrong                 token                                            reason
    ['a leading space', ` ${proof}`, 'base64url'],
    ['a trailing space', `${proof} `, 'base64url'],
    ['a trailing line feed', `${proof}\n`, 'base64url'],
    ['a space within the signature', `${proof.slice(0, -9)} ${proof.slice(-9)}`, 'base64url'],
    ['a space within the header', `${proof.slice(0, 9)} ${proof.slice(9)}`, 'base64url'],
    ['padding', `${proof}==`, 'base64url'],
    ['padding of the claims', `${top}.${middle}=.${last}`, 'base64url'],
    ['the standard alphabet', proof.replaceAll('-', '+').replaceAll('_', '/'), 'base64url'],
    ['a changed last character', proof.replace(/.$/, 'x'), 'base64url'],
    ['an impossible length', `${top}.${middle}.${last}AAA`, 'base64url'],
    ['a comma-joined second', `${proof},${proof}`, 'segments'],
    ['no text', '', 'segments'],
    ['one segment', top, 'segments'],
    ['two segments', `${top}.${middle}`, 'segments'],
    ['four segments', `${proof}.${last}`, 'segments'],
    ['a trailing point', `${proof}.`, 'segments'],
    ['an encrypted token', `${top}.a.b.c.d`, 'segments'],
    ['an empty signature', `${top}.${middle}.`, 'segments'],
    ['an empty header', `.${middle}.${last}`, 'segments'],
    ['empty claims', `${top}..${last}`, 'segments'],
    ['the text of an older proof', 'payos:3f2a:req-1', 'segments'],
    ['a short signature', token({ signature: base64url(Buffer.alloc(63)) }), 'signature'],
    ['a long signature', token({ signature: base64url(Buffer.alloc(65)) }), 'signature'],
    ['more than 4096 characters', token({ claims: { x: 'x'.repeat(3_000) } }), 'length'],
    ['a megabyte', 'A'.repeat(1_000_000), 'length'],
    ['alg none', token({ header: { ...header, alg: 'none' } }), 'header'],
    ['alg NoNe', token({ header: { ...header, alg: 'NoNe' } }), 'header'],
    ['alg in lower case', token({ header: { ...header, alg: 'eddsa' } }), 'header'],
    ['alg HS256', token({ header: { ...header, alg: 'HS256' } }), 'header'],
    ['alg Ed25519', token({ header: { ...header, alg: 'Ed25519' } }), 'header'],
    ['alg as a list', token({ header: { ...header, alg: ['EdDSA'] } }), 'header'],
    ['no alg', token({ header: { typ: header.typ, kid } }), 'header'],
    ['no typ', token({ header: { alg: 'EdDSA', kid } }), 'header'],
    ['an access token', token({ header: { ...header, typ: 'at+jwt' } }), 'header'],
    ['a plain JWT', token({ header: { ...header, typ: 'JWT' } }), 'header'],
    [
      'typ as a media type',
      token({ header: { ...header, typ: 'application/payos-proof+jwt' } }),
      'header',
    ],
    ['no kid', token({ header: { alg: 'EdDSA', typ: header.typ } }), 'header'],
    ['a kid that is a path', token({ header: { ...header, kid: '../../etc/passwd' } }), 'header'],
    ['a kid in a list', token({ header: { ...header, kid: [kid] } }), 'header'],
    ['a long kid', token({ header: { ...header, kid: `${kid}A` } }), 'header'],
    ['a kid and a line feed', token({ header: { ...header, kid: `${kid}\n` } }), 'header'],
    ['crit', token({ header: { ...header, crit: ['exp'] } }), 'header'],
    ['b64', token({ header: { ...header, b64: false, crit: ['b64'] } }), 'header'],
    ['jwk', token({ header: { ...header, jwk: {} } }), 'header'],
    ['jku', token({ header: { ...header, jku: 'https://evil.example' } }), 'header'],
    ['x5u', token({ header: { ...header, x5u: 'https://evil.example' } }), 'header'],
    ['cty', token({ header: { ...header, cty: 'JWT' } }), 'header'],
    [
      '__proto__',
      token({ header: `{"__proto__":{},${JSON.stringify(header).slice(1)}` }),
      'header',
    ],
    ['two alg', token({ header: `{"alg":"none",${JSON.stringify(header).slice(1)}` }), 'header'],
    [
      'two alg, one escaped',
      token({ header: `{"\\u0061lg":"none",${JSON.stringify(header).slice(1)}` }),
      'header',
    ],
    ['a header that is a list', token({ header: [header] }), 'header'],
    ['a header that is null', token({ header: null }), 'header'],
    ['a header that is no JSON', token({ header: 'alg' }), 'header'],
    [
      'a header with a byte order mark',
      token({ header: `\ufeff${JSON.stringify(header)}` }),
      'header',
    ],
    ['claims repeated', token({ claims: '{"aud":"p","aud":"q"}' }), 'claims'],
    ['claims repeated deep', token({ claims: '{"cnf":{"jkt":"a","jkt":"b"}}' }), 'claims'],
    ['claims that are a list', token({ claims: [claims] }), 'claims'],
    ['claims that are a number', token({ claims: 1 }), 'claims'],
    ['claims that are null', token({ claims: null }), 'claims'],
    ['claims that are no JSON', token({ claims: 'claims' }), 'claims'],
    ['claims in ill-formed UTF-8', `${top}.${base64url(Buffer.from([0xff]))}.${last}`, 'claims'],
    ['claims nested deep', token({ claims: `{"a":${'['.repeat(1_000)}` }), 'claims'],
  ])('refuses %s', ([, text, reason], { expect }) => {
    expect(splitCompactJws(text)).toEqual({ ok: false, reason })
  })

  it('takes 4096 characters and no more', ({ expect }) => {
    const longest = ofLength(4096)
    expect(longest).toHaveLength(4096)
    expect(splitCompactJws(longest).ok).toBe(true)
  })

  it('reads one text only of what it accepts: no other parts to the same bytes', ({ expect }) => {
    const edit = fc.record({
      at: fc.nat({ max: proof.length }),
      cut: fc.nat({ max: 2 }),
      put: fc.string({ unit: fc.constantFrom(...'AQgw-_=+/. \n'), maxLength: 3 }),
    })
    const bytesOf = (text: string) => {
      const parts = splitCompactJws(text)
      return parts.ok ? Buffer.concat([parts.signingInput, parts.signature]).toString('hex') : text
    }
    fc.assert(
      fc.property(edit, ({ at, cut, put }) => {
        const other = proof.slice(0, at) + put + proof.slice(at + cut)
        expect(bytesOf(other) === bytesOf(proof)).toBe(other === proof)
      }),
      { numRuns: 1_000 },
    )
  })

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        splitCompactJws(text)
        splitCompactJws(`${base64url(text)}.${base64url(text)}.${last}`)
      }),
    )
  })
})
