import { seeded } from '../seeded.ts'
import type { PaidCall } from './demo.ts'
import { SDK_PATH } from './pairs.ts'
import type { Screen } from './screen.ts'
import type { Stack } from './stack.ts'

/** Shows the paid call: each step, and what the proof says. */
export function showCall(screen: Screen, call: PaidCall): void {
  screen.line('\nOne paid call, by the example agent at the example provider:')
  for (const { name, ms, detail } of call.steps) screen.done(name, ms, detail)
  screen.line('\nThe proof says:')
  for (const [claim, value] of Object.entries(call.claims)) {
    const shown = typeof value === 'object' ? JSON.stringify(value) : String(value)
    screen.line(`  ${screen.paint('dim', claim.padEnd(8))} ${shown}${noteOf(claim, value)}`)
  }
}

function noteOf(claim: string, value: unknown): string {
  const isMoment = ['iat', 'exp', 'rdm'].includes(claim)
  return isMoment ? `  ${new Date(Number(value) * 1000).toISOString()}` : ''
}

/** Shows where everything is and what to try next. */
export function showStack(screen: Screen, { dev, edges }: Stack): void {
  const { plain } = seeded.agents
  const { signing } = seeded.agents
  const rows = [
    ...edges.map((url, at) => [at === 0 ? 'edge' : `edge ${at + 1}`, url]),
    ['key set', dev.jwks],
    ['provider', `${dev.echo}  (also /free and /report)`],
    ['on the SDK', `${atSdk(dev, 'weather')}  (also /free, /report, /stream and /metered)`],
    ['Postgres', withoutPassword(dev.postgres)],
    ['gateway', dev.supabase],
    ['Redis', dev.redis],
    ['QStash', dev.qstash],
    ['agent key', `${plain.apiKey}`],
    ['its wallet', plain.wallets.USDC],
    ['signing agent', `${signing.apiKey}`],
    ['its wallet', signing.wallets.USDC],
    ['provider key', dev.provider.apiKey],
    ['endpoint', `${dev.provider.endpointIds['weather']}  GET /weather, 0.001 USDC`],
    ['all of it', '.payos/dev.json'],
  ]
  screen.line()
  for (const [name = '', value = ''] of rows) {
    screen.line(`  ${screen.paint('bold', name.padEnd(14))} ${value}`)
  }
}

/** What to type next: a request that is answered 402, one that pays, and the operator's tool. */
export function showNext(screen: Screen, { dev, official }: Stack): void {
  const { apiKey, wallets } = seeded.agents.plain
  screen.line('\nAsk without paying, and be answered 402:\n')
  screen.line(`  curl -i ${dev.echo}`)
  screen.line(
    '\nPay, and be answered a proof; the provider takes it as "X-Payment-JWT: <proof>":\n',
  )
  screen.line(`  curl ${dev.edge}/v1/x402/pay -H 'Authorization: Bearer ${apiKey}' \\`)
  screen.line("    -H 'Content-Type: application/json' -d '{")
  screen.line(`      "endpointId": "${dev.provider.endpointIds['weather']}",`)
  screen.line(`      "walletId": "${wallets.USDC}",`)
  screen.line('      "amount": "0.001", "currency": "USDC", "method": "GET",')
  screen.line(`      "requestId": "try-'$(date +%s)'", "timestamp": '$(date +%s)' }'`)
  screen.line(
    "\nLet the SDK's fetch pay the SDK's paywall, or an agent of sixty lines one of its own:\n",
  )
  screen.line(`  npm exec -c 'node examples/weather/agent.ts ${atSdk(dev, 'stream')}'`)
  screen.line(`  npm exec -c 'node examples/agent/main.ts ${dev.echo}'`)
  screen.line(
    '\nThe same pair on the official x402 packages, which have an install of their own:\n',
  )
  screen.line('  npm ci --prefix examples/official')
  screen.line(`  npm exec -c 'node examples/official/provider.ts ${official.id}' &`)
  screen.line(`  npm exec -c 'node examples/official/agent.ts ${official.url}'`)
  screen.line('\nBring in a business of your own:\n')
  screen.line('  npm run admin -- --help')
}

/** A route of the weather example, where the market serves it. */
const atSdk = ({ echo }: Stack['dev'], name: string) => `${new URL(echo).origin}${SDK_PATH}/${name}`

function withoutPassword(address: string): string {
  const url = new URL(address)
  if (url.password) url.password = '…'
  return decodeURI(url.href)
}
