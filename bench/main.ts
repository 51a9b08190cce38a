import { HELP, type Options, readOptions } from './options.ts'
import { compare } from './report/compare.ts'
import { writePage } from './report/page.ts'
import { type Results, readResults, writeResults } from './report/results.ts'
import { tables } from './report/table.ts'
import { run } from './run.ts'
import { scenarios } from './scenarios.ts'

const LATEST = 'bench/results/latest.json'
const PAGE = 'docs/performance.md'

try {
  const options = readOptions(process.argv.slice(2))
  if (options.isHelp) process.stdout.write(HELP)
  else await bench(options)
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause)
  process.exitCode = 1
}

async function bench(options: Options): Promise<void> {
  // Read first: a baseline that is not there should not cost a whole run.
  const baseline = options.compareWith ? await readResults(options.compareWith) : undefined
  const chosen = scenarios.filter(({ name }) => {
    return options.only.length === 0 || options.only.includes(name)
  })
  const results = await run(chosen, { size: options.size })
  print(results, options)
  if (baseline) printChanges(baseline, results)
  for (const { scenario, message } of results.failures) console.error(`${scenario}: ${message}`)
  if (results.failures.length > 0) {
    process.exitCode = 1
  } else if (options.only.length === 0 && options.size !== 'quick') {
    await writeResults(LATEST, results)
    await writePage(PAGE, results, scenarios)
    console.error(`wrote ${LATEST} and ${PAGE}`)
  }
}

function print(results: Results, { isJson }: Options): void {
  if (isJson) console.log(JSON.stringify(results, null, 2))
  else console.log(tables(scenarios, results.figures))
}

function printChanges(baseline: Results, results: Results): void {
  const changes = compare(baseline.figures, results.figures)
  for (const { isWorse, factor, title, text } of changes) {
    console.error(`${isWorse ? 'WORSE' : 'better'} ${factor.toFixed(2)} ×  ${title}: ${text}`)
  }
  if (changes.length === 0) console.error('nothing changed beyond noise')
  if (changes.some(({ isWorse }) => isWorse)) process.exitCode = 1
}
