import { readFile } from 'node:fs/promises'
import { type PaymentOptions, paymentOf, withPayments } from '../../sdk/client/index.ts'

/** Gets a URL, pays for it if need be, and says what it got and what that cost. */
export async function buy(url: string, options: PaymentOptions): Promise<string> {
  const response = await withPayments(fetch, options)(url)
  const paid = paymentOf(response)
  const cost = paid ? `${paid.amount} ${paid.currency}` : 'nothing'
  return `${response.status}, for ${cost}: ${await response.text()}`
}

if (import.meta.main) {
  const { edge, agent, echo } = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
  const { apiKey, walletId, privateJwk } = agent
  const signer = { kty: 'OKP', crv: 'Ed25519', ...privateJwk }
  console.log(await buy(process.argv[2] ?? echo, { edge, apiKey, walletId, signer, maxAmount: 10 }))
}
