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
  const { apiKey, walletId } = agent
  const response = await openAgent({ edge, apiKey, walletId })(process.argv[2] ?? echo)
  console.log(response.status, await response.text())
}
