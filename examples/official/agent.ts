import { readFile } from 'node:fs/promises'
import { wrapFetchWithPayment, x402Client } from '@x402/fetch'
import { type PayosClientOptions, payosClient } from '../../sdk/x402/index.ts'

/** A `fetch` of the official package that can also pay with PayOS. */
export function openAgent(options: PayosClientOptions) {
  const payos = payosClient(options)
  const client = new x402Client().register('payos:*', payos)
  return wrapFetchWithPayment(payos.guard(fetch), client)
}

if (import.meta.main) {
  const { edge, agent, echo } = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
  const { apiKey, walletId, privateJwk } = agent
  const signer = { kty: 'OKP', crv: 'Ed25519', ...privateJwk }
  const pay = openAgent({ edge, apiKey, walletId, signer })
  const response = await pay(process.argv[2] ?? echo)
  console.log(response.status, await response.text())
}
