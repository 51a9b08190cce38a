import fc from 'fast-check'
import { describe, it, onTestFinished } from 'vitest'
import { type JsonText, NumberText, readJson } from './json.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => readJson(utf8(text))
const reasonOf = (answer: JsonText) => (answer.ok ? 'accepted' : answer.reason)

/** Numbers as `JSON.parse` would have read them. */
function asFloats(value: unknown): unknown {
  if (value instanceof NumberText) return JSON.parse(value.source)
  if (Array.isArray(value)) return value.map(asFloats)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asFloats(inner)]))
}

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('readJson', () => {
  it('reads what JSON.parse reads, to equal values', ({ expect }) => {
    const json = fc.tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('', 1, '\t', '\r\n '))
    fc.assert(
      fc.property(json, ([value, indent]) => {
        const text = JSON.stringify(value, null, indent)
        const answer = read(text)
        expect(answer.ok && asFloats(answer.value)).toEqual(JSON.parse(text))
        expect(readJson(utf8(text), 'float')).toEqual({ ok: true, value: JSON.parse(text) })
      }),
    )
  })

  it('refuses as syntax exactly what JSON.parse refuses', ({ expect }) => {
    const marks = fc.constantFrom(...'{}[]",:\\0-.e ', 'true', 'null', '"a":', '\\u0061', '"b"')
    fc.assert(
      fc.property(fc.string({ unit: marks, minLength: 1, maxLength: 12 }), (text) => {
        const reason = reasonOf(read(text))
        const parses = () => JSON.parse(text)
        if (reason === 'syntax' || reason === 'empty') expect(parses).toThrow(SyntaxError)
        else expect(parses).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        readJson(bytes)
      }),
    )
  })

  it.for(['0', '-0', '1.10', '0.001', '9007199254740993', '1e400', '1E-10', '-1.5e+3'])(
    'keeps the number %s as it is written',
    (source, { expect }) => {
      expect(read(` [${source} ]`)).toEqual({ ok: true, value: [new NumberText(source)] })
    },
  )

  it.for<[string, object | undefined]>([
    ['no context', undefined],
    ['a context without it', {}],
  ])('takes no number where the runtime gives %s for its text', ([, context], { expect }) => {
    const parse = JSON.parse
    JSON.parse = (text, revive) =>
      parse(text, revive && ((name, value) => Reflect.apply(revive, {}, [name, value, context])))
    onTestFinished(() => {
      JSON.parse = parse
    })
    expect(() => read('[1]')).toThrow(new TypeError('JSON.parse gives no source text here'))
    expect(read('["1"]')).toEqual({ ok: true, value: ['1'] })
  })

  it('does not take an object with a source member for a number', ({ expect }) => {
    expect(read('{"source":"1"}')).toEqual({ ok: true, value: { source: '1' } })
  })

  it('keeps __proto__ as a member of its own, and nobody inherits from it', ({ expect }) => {
    const answer = read('{"__proto__":{"admin":true},"constructor":1}')
    const value = answer.ok ? (answer.value as object) : {}
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('admin' in value).toBe(false)
  })

  it.for<[string, string]>([
    // text                                   the repeated member
    ['{"a":1,"a":1}', 'a'],
    ['{"a":1,"b":2,"\\u0061":3}', 'a'],
    ['{"\\u0041":1,"A":2}', 'A'],
    ['{"\\/":1,"/":2}', '/'],
    ['{"\\n":1,"\\u000A":2}', '\n'],
    ['{"é":1,"\\u00e9":2}', 'é'],
    ['{"😀":1,"\\uD83D\\ude00":2}', '😀'],
    ['{"":1,"":2}', ''],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"a":{"b":[0,{"c":1},{"d":[],"d":{}}]}}', 'a.b.2.d'],
    ['{"a":{"x":1},"b":{"x":1},"a":{}}', 'a'],
    ['{"a":"a","b":["a","a"],"c":{"a":1},"b":0}', 'b'],
    ['{ "a" : "}{,\\"" , "a" : 0 }', 'a'],
    ['{"a":["x",{"b":1,"b":2}]}', 'a.1.b'],
  ])('refuses the repeated member in %s', ([text, at], { expect }) => {
    expect(read(text)).toEqual({ ok: false, reason: 'duplicate', at })
  })

  it.for([
    '{"a":"a","b":"a"}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '["a","a"]',
    '{"a":1,"A":2}',
    '{"a":"\\"a\\":1","b":"{\\"b\\":1,\\"b\\":1}"}',
    '{"é":1,"e\u0301":2}',
  ])('takes no value and no other object for a repeated member: %s', (text, { expect }) => {
    expect(reasonOf(read(text))).toBe('accepted')
  })

  it.for<[string, Uint8Array, string]>([
    ['nothing', utf8(''), 'empty'],
    ['white space', utf8(' \t\r\n'), 'empty'],
    ['a no-break space', utf8('\u00a0'), 'syntax'],
    ['a byte order mark', utf8('\ufeff{}'), 'bom'],
    ['a byte order mark alone', utf8('\ufeff'), 'bom'],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 'utf8'],
    ['an overlong form', new Uint8Array([0x22, 0xc0, 0xa2, 0x22]), 'utf8'],
    ['an encoded surrogate', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), 'utf8'],
    ['a cut character', new Uint8Array([0x22, 0xe2, 0x82, 0x22]), 'utf8'],
    ['beyond U+10FFFF', new Uint8Array([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]), 'utf8'],
    ['a lone high surrogate', utf8('["\\uD800"]'), 'utf8'],
    ['a lone low surrogate', utf8('{"a":"\\udc00x"}'), 'utf8'],
    ['surrogates in the wrong order', utf8('"\\uDE00\\uD83D"'), 'utf8'],
    ['a lone surrogate in a name', utf8('{"\\ud800":1}'), 'utf8'],
    ['a surrogate pair', utf8('"\\uD83D\\uDE00"'), 'accepted'],
    ['an escaped backslash before u', utf8('"\\\\ud800"'), 'accepted'],
    ['an escaped zero', utf8('"\\u0000"'), 'accepted'],
    ['a raw zero', utf8('"\u0000"'), 'syntax'],
    ['a raw line feed in a string', utf8('"\n"'), 'syntax'],
    ['an unknown escape', utf8('{"\\x61":1}'), 'syntax'],
    ['an open string', utf8('{"a'), 'syntax'],
    ['an open escape', utf8('"\\'), 'syntax'],
    ['a trailing comma', utf8('{"a":1,}'), 'syntax'],
    ['two values', utf8('{}{}'), 'syntax'],
    ['a comment', utf8('{}//'), 'syntax'],
    ['single quotes', utf8("{'a':1}"), 'syntax'],
    ['NaN', utf8('NaN'), 'syntax'],
    ['a leading zero', utf8('01'), 'syntax'],
    ['a leading plus', utf8('+1'), 'syntax'],
    ['a repeated name in broken text', utf8('{"a":1,"a":'), 'syntax'],
    ['closing marks only', utf8(']}]}'), 'syntax'],
    ['crossed marks', utf8('{"a":[}]'), 'syntax'],
    ['nesting of 16', utf8(nested(16)), 'accepted'],
    ['nesting of 17', utf8(nested(17)), 'depth'],
    ['nesting of 100 000', utf8(nested(100_000)), 'depth'],
    ['open objects, 100 000 deep', utf8('{"a":'.repeat(100_000)), 'depth'],
    ['nesting after a repeated name', utf8(`{"a":1,"a":${nested(50_000)}}`), 'depth'],
    ['marks of nesting in a string', utf8(JSON.stringify('['.repeat(100))), 'accepted'],
    ['many neighbours', utf8(`[${nested(15)}${`,${nested(15)}`.repeat(500)}]`), 'accepted'],
  ])('answers %s with its own reason', ([, bytes, reason], { expect }) => {
    expect(reasonOf(readJson(bytes))).toBe(reason)
  })

  it.for<[number[], string]>([
    [[0xef, 0xbb, 0xbf], 'bom'],
    [[0xef, 0xbb, 0xbe], 'syntax'],
    [[0xef, 0xbc, 0xbf], 'syntax'],
    [[0xee, 0xbb, 0xbf], 'syntax'],
    [[0xef, 0xbb], 'utf8'],
  ])(
    'tells a byte order mark from what begins like one: %s is %s',
    ([bytes, reason], { expect }) => {
      expect(readJson(Uint8Array.from(bytes))).toMatchObject({ ok: false, reason })
    },
  )

  it('takes time in proportion to the bytes', ({ expect }) => {
    const members = (count: number) =>
      utf8(`{${Array.from({ length: count }, (_, i) => `"\\u0061${i}":"\\n"`).join()}}`)
    const time = (bytes: Uint8Array) => {
      const start = performance.now()
      expect(readJson(bytes).ok).toBe(true)
      return performance.now() - start
    }
    time(members(2_000))
    const [small, large] = [members(2_000), members(32_000)]
    const fastest = (bytes: Uint8Array) => Math.min(...[1, 2, 3, 4, 5].map(() => time(bytes)))
    // Sixteen times as many; were it quadratic, it would be 256.
    expect(fastest(large) / fastest(small)).toBeLessThan(128)
  })
})
