type Env = { GATEWAY: string; API_KEY: string; TOKEN: string; SIGNS?: string }

/** The key this Worker signs with and verifies by, and bytes as long as what a payment signs. */
let key: CryptoKeyPair | undefined
const text = new Uint8Array(400)

/**
 * What nobody who pays at the edge can do without: it reads a request, makes the one call to the
 * ledger and answers what that said. With `SIGNS` it signs once and verifies once as well.
 */
// biome-ignore lint/style/noDefaultExport: a Worker is the default export of its module
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const body = await request.text()
    if (env.SIGNS !== undefined && !(await signAndVerify())) {
      return new Response('a wrong signature', { status: 500 })
    }
    const settled = await fetch(`${env.GATEWAY}/rest/v1/rpc/settle_x402_payment`, {
      method: 'POST',
      headers: {
        apikey: env.API_KEY,
        authorization: `Bearer ${env.TOKEN}`,
        'content-profile': 'api',
        'content-type': 'application/json',
      },
      body: JSON.stringify(JSON.parse(body)),
      signal: AbortSignal.timeout(6_000),
    })
    const answer: unknown = JSON.parse(await settled.text())
    return new Response(JSON.stringify(answer), {
      status: settled.status,
      headers: { 'content-type': 'application/json' },
    })
  },
}

async function signAndVerify(): Promise<boolean> {
  key ??= (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  const signature = await crypto.subtle.sign('Ed25519', key.privateKey, text)
  return crypto.subtle.verify('Ed25519', key.publicKey, signature, text)
}
