import { compactVerify, SignJWT } from 'jose'

/** `GET /{operation}?times=n`: runs it n times, one after another, so that a clock outside can tell. */
// biome-ignore lint/style/noDefaultExport: a Worker is the default export of its module
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    operations ??= await prepare()
    const operation = operations[pathname.slice(1)]
    if (!operation) return new Response('no such operation', { status: 404 })
    for (let left = Number(searchParams.get('times')); left > 0; left -= 1) {
      if (!(await operation())) return new Response('a wrong outcome', { status: 500 })
    }
    return new Response('ok')
  },
}

type Operation = () => Promise<boolean>

let operations: Record<string, Operation> | undefined

async function prepare(): Promise<Record<string, Operation>> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const proof = (alg: string, key: CryptoKey | Uint8Array) =>
    new SignJWT({ filler: 'x'.repeat(350) }).setProtectedHeader({ alg }).sign(key)
  const signed = await proof('EdDSA', pair.privateKey)
  const symmetric = await proof('HS256', secret)
  const text = new TextEncoder().encode(signed.slice(0, signed.lastIndexOf('.')))
  const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, text)
  return {
    nothing: async () => true,
    sign: async () => {
      const bytes = await crypto.subtle.sign('Ed25519', pair.privateKey, text)
      return bytes.byteLength === 64
    },
    verify: () => crypto.subtle.verify('Ed25519', pair.publicKey, signature, text),
    'jose-verify': () => compactVerify(signed, pair.publicKey).then(() => true),
    'hs256-verify': () => compactVerify(symmetric, secret).then(() => true),
  }
}
