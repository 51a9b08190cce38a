import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { isWithin, parseResource, resourceHash } from './resource.ts'

const live = { allowLoopbackHttp: false }
const test = { allowLoopbackHttp: true }
const ofLength = (length: number) => 'https://api.example/'.padEnd(length, 'a')

describe('parseResource', () => {
  it.for<[string, string, string]>([
    // given                               href                                   path
    ['https://api.example', 'https://api.example/', '/'],
    ['https://api.example/weather?city=lima', 'https://api.example/weather?city=lima', '/weather'],
    ['HTTPS://API.Example:443/A', 'https://api.example/A', '/A'],
    ['https://api.example:8443/a', 'https://api.example:8443/a', '/a'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC', '/%C3%BC'],
    [
      'https://api.example/a?u=https%3A%2F%2Fb%2f..',
      'https://api.example/a?u=https%3A%2F%2Fb%2f..',
      '/a',
    ],
    ['https://api.example/a?p=/../b', 'https://api.example/a?p=/../b', '/a'],
    ['https://api.example/.well-known/x', 'https://api.example/.well-known/x', '/.well-known/x'],
    ['https://api.example/a/...', 'https://api.example/a/...', '/a/...'],
    ['https://api.example//x', 'https://api.example//x', '//x'],
    ['https://api.example/x;a=1', 'https://api.example/x;a=1', '/x;a=1'],
    ['https://api.example/%70ay', 'https://api.example/%70ay', '/%70ay'],
    ['https://api.example/%252f', 'https://api.example/%252f', '/%252f'],
    ['https://api.example/100%', 'https://api.example/100%', '/100%'],
    ['https://api.example?q', 'https://api.example/?q', '/'],
    [ofLength(1024), ofLength(1024), ofLength(1024).slice(19)],
  ])('reads %s as %s', ([text, href, path], { expect }) => {
    const { origin } = new URL(text)
    expect(parseResource(text, live)).toEqual({ ok: true, href, origin, path })
  })

  it.for<[string, string]>([
    // given                                     reason
    ['', 'syntax'],
    ['weather', 'syntax'],
    ['/weather', 'syntax'],
    ['//api.example/weather', 'syntax'],
    ['https:api.example', 'syntax'],
    ['https:/api.example', 'syntax'],
    ['https:///api.example', 'syntax'],
    ['https://', 'syntax'],
    ['https://?x', 'syntax'],
    ['https:\\\\api.example\\x', 'syntax'],
    ['https://api.example:99999/', 'syntax'],
    ['https://a%2fb.example/', 'syntax'],
    ['https://a%00b.example/', 'syntax'],
    ['https://[::1/', 'syntax'],
    ['javascript:alert(1)', 'syntax'],
    ['data:text/plain,x', 'syntax'],
    ['mailto:a@api.example', 'syntax'],
    ['file:///etc/passwd', 'syntax'],
    ['javascript://api.example/%0aalert(1)', 'control'],
    ['file://api.example/etc/passwd', 'scheme'],
    ['ftp://api.example/', 'scheme'],
    ['wss://api.example/', 'scheme'],
    ['http://api.example/', 'scheme'],
    ['http://169.254.169.254/', 'scheme'],
    ['http://127.0.0.1/', 'scheme'],
    ['https://user:pass@api.example/', 'credentials'],
    ['https://user@api.example/', 'credentials'],
    ['https://@api.example/', 'credentials'],
    ['https://:@api.example/', 'credentials'],
    ['https://api.example@evil.example/', 'credentials'],
    ['https://api.example/#', 'fragment'],
    ['https://api.example/a#b', 'fragment'],
    ['https://api.example/a?b#c', 'fragment'],
    ['https://api.example#@evil.example/', 'fragment'],
    ['https://api.example/a%2fb', 'slash'],
    ['https://api.example/a%2Fb', 'slash'],
    ['https://api.example/a%5cb', 'slash'],
    ['https://api.example/a%5Cb', 'slash'],
    ['https://api.example/a\\b', 'slash'],
    ['https://api.example\\@evil.example/', 'slash'],
    ['https://api.example/./x', 'dot_segment'],
    ['https://api.example/a/../x', 'dot_segment'],
    ['https://api.example/..', 'dot_segment'],
    ['https://api.example/a/.', 'dot_segment'],
    ['https://api.example/a/..?q', 'dot_segment'],
    ['https://api.example/a/%2e%2e/x', 'dot_segment'],
    ['https://api.example/a/%2E./x', 'dot_segment'],
    ['https://api.example/a/.%2e', 'dot_segment'],
    ['https://api.example/%2e', 'dot_segment'],
    [' https://api.example/', 'control'],
    ['https://api.example/ ', 'control'],
    ['https://api.example/a b', 'control'],
    ['https://api.example/a\tb', 'control'],
    ['https://api.exa\nmple/', 'control'],
    ['ht\ntps://api.example/', 'control'],
    ['https://api.example/\u0000', 'control'],
    ['https://api.example/\u007f', 'control'],
    ['https://api.example/\u0085', 'control'],
    ['https://api.example/\ud800', 'control'],
    ['https://api.example/a%00', 'control'],
    ['https://api.example/a%0d%0ab', 'control'],
    ['https://api.example/a%7F', 'control'],
    [ofLength(1025), 'length'],
    [ofLength(8_192), 'length'],
    [`https://api.example/${'é'.repeat(503)}`, 'length'],
    [`https://api.example/${'é'.repeat(400)}`, 'length'],
  ])('refuses %j: %s', ([text, reason], { expect }) => {
    expect(parseResource(text, live)).toEqual({ ok: false, reason })
  })

  it.for<[string, boolean]>([
    ['http://localhost:8402/weather', true],
    ['http://127.0.0.1:8402/weather', true],
    ['http://127.1/', true],
    ['http://[::1]:8402/', true],
    ['http://localhost.evil.example/', false],
    ['http://127.0.0.1.evil.example/', false],
    ['http://api.example/', false],
    ['http://169.254.169.254/', false],
    ['http://10.0.0.1/', false],
    ['http://0.0.0.0/', false],
    ['http://[::ffff:10.0.0.1]/', false],
    ['ws://localhost/', false],
  ])('where loopback http is allowed, answers %s with %s', ([text, ok], { expect }) => {
    expect(parseResource(text, test).ok).toBe(ok)
    expect(parseResource(text, live).ok).toBe(false)
  })

  it('accepts only what parses to itself, and parses the same the second time', ({ expect }) => {
    const unit = fc.constantFrom(...'/.%2e5cF?#@:\\ aé', 'https://', 'api.example/')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (tail) => {
        const first = parseResource(`https://api.example${tail}`, live)
        if (!first.ok) return
        expect(first.path).not.toMatch(/(^|\/)\.{1,2}(\/|$)/)
        expect(parseResource(first.href, live)).toEqual(first)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('isWithin', () => {
  it.for<[string, string, boolean]>([
    // registered                        resource                               within
    ['https://a.example/weather', 'https://a.example/weather', true],
    ['https://a.example/weather', 'https://a.example/weather?city=lima', true],
    ['https://a.example/weather?x', 'https://a.example/weather', true],
    ['https://a.example/weather', 'https://a.example/weather/', true],
    ['https://a.example/weather', 'https://a.example/weather/today', true],
    ['https://a.example/weather/', 'https://a.example/weather/today', true],
    ['https://a.example/', 'https://a.example/anything', true],
    ['https://a.example', 'https://a.example/', true],
    ['https://A.example:443/weather', 'https://a.example/weather', true],
    ['https://a.example/weather', 'https://a.example/weatherman', false],
    ['https://a.example/weather/', 'https://a.example/weather', false],
    ['https://a.example/weather', 'https://a.example/Weather', false],
    ['https://a.example/weather', 'https://a.example/%77eather', false],
    ['https://a.example/weather', 'https://a.example//weather', false],
    ['https://a.example/weather', 'https://a.example/weather;a=1', false],
    ['https://a.example/weather', 'https://a.example/weather/../admin', false],
    ['https://a.example/weather', 'https://a.example/weather/%2e%2e/admin', false],
    ['https://a.example/weather', 'https://a.example/', false],
    ['https://a.example/weather', 'https://b.example/weather', false],
    ['https://a.example/weather', 'https://a.example./weather', false],
    ['https://a.example/weather', 'https://a.example.evil.example/weather', false],
    ['https://a.example/weather', 'https://a.example:8443/weather', false],
    ['https://a.example/weather', 'http://a.example/weather', false],
    ['https://a.example/weather', 'https://evil.example/?https://a.example/weather', false],
    ['https://a.example/weather', 'not a url', false],
    ['not a url', 'not a url', false],
    ['data:text/a', 'data:text/a', false],
  ])('of %s, %s: %s', ([registered, href, within], { expect }) => {
    expect(isWithin(registered, href)).toBe(within)
  })
})

describe('resourceHash', () => {
  it.for<[string, string, string]>([
    ['GET', 'https://api.example/weather?city=lima', 'bDHTULBDgPC1Z5G6JH6LAQ'],
    ['POST', 'https://api.example/weather', 'RmNclUwpNuX6hnKqbfMw-w'],
  ])('of %s %s is fixed to the byte', async ([method, href, hash], { expect }) => {
    const whole = createHash('sha256').update(`${method} ${href}`).digest()
    expect(await resourceHash(method, href)).toBe(whole.subarray(0, 16).toString('base64url'))
    expect(await resourceHash(method.toLowerCase(), href)).toBe(hash)
  })
})
