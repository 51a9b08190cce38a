import * as z from 'zod'
import { type Options, parseArguments } from './cli/arguments.ts'
import { dependency } from './cli/failure.ts'
import { connectOperator } from './cli/operator.ts'
import { cross, print, runToEnd, table, tick } from './cli/output.ts'
import { readTarget } from './cli/target.ts'

const options: Options = {
  full: { help: 'every account, not only what leases hold and held within the hour' },
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

const HELP = `npm run audit -- [options]

Has the ledger compare what it stores with what moved, and shows what leases hold. A difference stops
new leases for everyone; docs/runbook.md says what to do then.

Example:
  npm run audit -- --full

Exit codes: 0 the books agree, 2 usage, 5 they do not, or the ledger did not answer.

${table(Object.entries(options).map(([name, { help }]) => [`  --${name}`, help]))}`

const Audited = z.object({
  violations: z.array(z.object({ invariant: z.string(), what: z.string() })),
  counters: z.record(z.string(), z.union([z.number(), z.record(z.string(), z.string())])),
})

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const given = parseArguments(words, options)
  if (given.flag('help')) return print({ text: HELP, data: {} }, false)

  const operate = connectOperator((await readTarget()).supabase)
  const audited = Audited.parse(await operate('audit_x402', { full: given.flag('full') }))
  print({ text: report(audited), data: audited }, given.flag('json'))
  const { length } = audited.violations
  if (length > 0) throw dependency(`${length} violations; no new leases are granted`)
})

function report({ violations, counters }: z.output<typeof Audited>): string {
  const found = violations.map(({ invariant, what }) => [cross(), invariant, what])
  const rows = Object.entries(counters).map(([name, value]) => [
    `  ${name.replaceAll('_', ' ')}`,
    typeof value === 'number' ? String(value) : JSON.stringify(value),
  ])
  const verdict = violations.length === 0 ? `${tick()} the books agree` : table(found)
  return `${verdict}\n${table(rows)}`
}
