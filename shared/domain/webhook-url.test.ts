import { describe, it } from 'vitest'
import { webhookUrlFault } from './webhook-url.ts'

const live = { ownHost: 'edge.payos.example', allowLoopbackHttp: false }
const test = { ...live, allowLoopbackHttp: true }

describe('an address of a webhook', () => {
  it.for([
    'https://api.example/',
    'https://hooks.api.example/payos?tenant=7',
    'https://payos.example/',
    'https://xn.example/xn--path',
  ])('may be %s', (url, { expect }) => {
    expect(webhookUrlFault(url, live)).toBeUndefined()
  })

  it.for([
    ['scheme', 'http://api.example/'],
    ['scheme', 'ftp://api.example/'],
    ['scheme', 'http://127.0.0.1/'],
    ['form', 'api.example/hook'],
    ['form', 'https:api.example'],
    ['form', 'https://api.example'],
    ['form', 'https://API.example/'],
    ['form', 'https://api.example:443/'],
    ['form', 'https://api.example/a/../b'],
    ['form', 'https://api.example/a b'],
    ['form', ' https://api.example/'],
    ['form', 'https://api.example\\@evil.example/'],
    ['form', 'https://user@api.example/'],
    ['form', 'https://user:pass@api.example/'],
    ['form', 'https://api.example/#part'],
    ['form', 'https://api.example/#'],
    ['form', 'https://api。example/'],
    ['form', 'https://аpi.example/'],
    ['form', 'https://%61pi.example/'],
    ['host', 'https://xn--pi-6kc.example/'],
    ['port', 'https://api.example:22/'],
    ['port', 'https://api.example:8443/'],
    ['host', 'https://localhost/'],
    ['host', 'https://localhost./'],
    ['host', 'https://me.localhost/'],
    ['host', 'https://printer.local/'],
    ['host', 'https://vault.internal/'],
    ['host', 'https://1.0.0.10.in-addr.arpa/'],
    ['host', 'https://intranet/'],
    ['host', 'https://api.example./'],
    ['host', 'https://a_b.example/'],
    ['host', 'https://127.0.0.1/'],
    ['host', 'https://8.8.8.8/'],
    ['host', 'https://169.254.169.254/'],
    ['host', 'https://[::1]/'],
    ['host', 'https://[::ffff:a00:1]/'],
    ['host', 'https://[2606:4700::1111]/'],
    ['form', 'https://127.1/'],
    ['form', 'https://0x7f000001/'],
    ['form', 'https://2130706433/'],
    ['form', 'https://0177.0.0.1/'],
    ['form', 'https://[::ffff:10.0.0.1]/'],
    ['host', 'https://edge.payos.example/'],
    ['host', 'https://edge.payos.example./'],
    ['host', 'https://a.edge.payos.example/'],
    ['length', `https://${'a.'.repeat(1_500)}example/`],
  ] as const)('is not (%s): %s', ([fault, url], { expect }) => {
    expect(webhookUrlFault(url, live)).toBe(fault)
  })

  it.for(['http://127.0.0.1:8403/hook', 'http://localhost:8403/', 'http://[::1]:8403/'])(
    'may be on this machine in a test environment: %s',
    (url, { expect }) => {
      expect(webhookUrlFault(url, test)).toBeUndefined()
      expect(webhookUrlFault(url, live)).toBe('scheme')
    },
  )

  it.for([
    'http://127.1/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://user@127.0.0.1/',
    'https://127.0.0.1/',
  ])('is nothing else of the inside there: %s', (url, { expect }) => {
    expect(webhookUrlFault(url, test)).toBeDefined()
  })
})
