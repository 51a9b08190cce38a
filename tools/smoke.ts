import { type Options, parseArguments } from './cli/arguments.ts'
import { dependency } from './cli/failure.ts'
import { print, runToEnd, table } from './cli/output.ts'
import { readSite } from './smoke/read-site.ts'
import { hasFailed, runSmoke, smokeTable } from './smoke/run.ts'

const options: Options = {
  wallet: {
    value: 'UUID',
    help: 'the wallet of the test agent in SMOKE_AGENT_KEY; or SMOKE_WALLET',
  },
  endpoint: { value: 'UUID', help: 'what the test agent pays for, once; or SMOKE_ENDPOINT' },
  issuer: { value: 'ORIGIN', help: 'the iss of its proofs, where that is not the URL' },
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

const HELP = `npm run smoke -- [URL] [options]

Looks at an edge from outside: health, readiness, key set, one paid call, its proof, a repeat of it,
metrics. Without a URL it is the one of "npm run dev", with the agent that is seeded there.

Example:
  SMOKE_AGENT_KEY=pk_test_… METRICS_TOKEN=… npm run smoke -- https://edge.example \\
    --wallet 30000000-0000-4000-8000-000000000001 --endpoint 50000000-0000-4000-8000-000000000002

Secrets come from the environment: SMOKE_AGENT_KEY, SMOKE_SIGNER (a private JWK), METRICS_TOKEN.
Exit codes: 0 all passed, 2 usage, 5 a check failed.

${table(
  Object.entries(options).map(([name, { value, help }]) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    help,
  ]),
)}`

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const given = parseArguments(words, options)
  if (given.flag('help')) return print({ text: HELP, data: {} }, false)

  const site = await readSite(given)
  const checks = await runSmoke(site)
  print({ text: smokeTable(checks), data: { url: site.url, checks } }, given.flag('json'))
  const failed = checks.filter(({ result }) => result === 'failed').map(({ name }) => name)
  if (hasFailed(checks)) throw dependency(`failed at ${site.url}: ${failed.join(', ')}`)
})
