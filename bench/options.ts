import { parseArgs } from 'node:util'
import type { Size } from './scenario.ts'
import { scenarios } from './scenarios.ts'

export const HELP = `npm run bench -- [--quick | --large] [--scenario NAME]... [--compare FILE] [--json]

Measures what a payment costs, beside the flow it replaces and beside what this machine can do at
all, asserts every outcome, and writes bench/results/latest.json, charts and docs/performance.md.
Close what else is running: other work is noise. The official packages are measured beside ours
(in "provider") where they are installed: npm ci --prefix examples/official

  --quick           every scenario, small: checks outcomes, not speed; writes nothing; <= 3 minutes
  --large           also with 1 and 10 million payments stored; keeps them in .payos/bench
  --scenario NAME   only this one, and writes nothing; may be repeated
  --compare FILE    then tell what got worse than in an earlier results file, beyond noise
  --json            print the results as JSON instead of tables
  --help            print this

Scenarios: ${scenarios.map(({ name }) => name).join(', ')}
`

export type Options = {
  size: Size
  /** Names of scenarios; empty for all. */
  only: string[]
  compareWith: string | undefined
  isJson: boolean
  isHelp: boolean
}

/** Reads the command line; throws a message for the person who typed it. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      compare: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.quick && values.large) throw new Error('--quick and --large exclude each other')
  if (values.quick && values.compare)
    throw new Error('the times of --quick are noise: compare a full run')
  const unknown = values.scenario.find((name) => !scenarios.some((it) => it.name === name))
  if (unknown) throw new Error(`there is no scenario "${unknown}"\n\n${HELP}`)
  return {
    size: values.quick ? 'quick' : values.large ? 'large' : 'full',
    only: values.scenario,
    compareWith: values.compare,
    isJson: values.json,
    isHelp: values.help,
  }
}
