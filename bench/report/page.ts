import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { keepsBudget } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { charts } from './charts.ts'
import type { Machine } from './machine.ts'
import type { Results } from './results.ts'
import { tables } from './table.ts'

const BEGIN = '<!-- bench: what follows is written by npm run bench -->'
const END = '<!-- bench: end -->'

/** Writes the results between the markers of a page, and the charts into a folder beside it. */
export async function writePage(
  path: string,
  results: Results,
  scenarios: readonly Scenario[],
): Promise<void> {
  const page = await readFile(path, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`${path} has no bench markers`)

  const folder = path.replace(/\.md$/, '')
  const drawn = charts(results.figures)
  await mkdir(folder, { recursive: true })
  for (const { file, svg } of drawn) await writeFile(join(folder, file), svg)

  const relative = folder.slice(dirname(path).length + 1)
  const pictures = drawn.map(({ file, alt }) => `![${alt}](${relative}/${file})`)
  const parts = [
    BEGIN,
    machineLine(results),
    budgetLine(results),
    ...pictures,
    tables(scenarios, results.figures),
    END,
  ]
  await writeFile(path, before + parts.join('\n\n') + after)
}

function machineLine({ at, machine, seconds }: Results): string {
  const { cpu, cores, memoryGb, system, node, workerd, postgres, load, commit }: Machine = machine
  const minutes = Math.round(seconds / 60)
  return (
    `Taken ${at.slice(0, 10)} at commit \`${commit}\` in ${minutes} minutes on ${cores} cores of ` +
    `${cpu}, ${memoryGb} GB, ${system}; Node ${node}, workerd ${workerd}, Postgres ${postgres}. ` +
    `Load ${load.before.toFixed(1)} before and ${load.after.toFixed(1)} after.`
  )
}

function budgetLine({ figures }: Results): string {
  const judged = figures.filter(({ budget }) => budget)
  const missed = judged.filter((figure) => !keepsBudget(figure))
  const kept = judged.length - missed.length
  const names = missed.map(({ title }) => title).join('; ')
  return `Budgets kept: ${kept} of ${judged.length}.${missed.length > 0 ? ` Missed: ${names}.` : ''}`
}
