import { keepsBudget } from '../measure/figure.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { format } from './format.ts'

/** Every figure of some scenarios as Markdown tables, one a scenario, with budgets and shortfalls. */
export function tables(
  scenarios: readonly Pick<Scenario, 'name' | 'title'>[],
  figures: readonly Figure[],
): string {
  return scenarios
    .flatMap(({ name, title }) => {
      const own = figures.filter((figure) => figure.name.startsWith(`${name}/`))
      return own.length > 0 ? [`### ${title}`, table(own)] : []
    })
    .join('\n\n')
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.title,
    `**${format(figure.value, figure.unit)}**`,
    spreadOf(figure),
    figure.ratio ? `${figure.ratio.value.toFixed(2)} × \`${figure.ratio.to}\`` : '',
    verdictOf(figure),
  ])
  const head = ['What', 'Median', 'Spread', 'Ratio', 'Budget']
  const body = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return [...body, '', ...methodsOf(figures)].join('\n')
}

const spreadOf = ({ spread: [low, high], unit }: Figure): string =>
  low === high ? '' : `${format(low, unit)} to ${format(high, unit)}`

/** The budget and whether it is kept, or by how much it is not. */
function verdictOf(figure: Figure): string {
  const { budget, unit, value } = figure
  if (!budget) return ''
  const limit = 'atMost' in budget ? budget.atMost : budget.atLeast
  const wanted = `${'atMost' in budget ? '≤' : '≥'} ${format(limit, unit)}`
  if (keepsBudget(figure)) return `${wanted}: kept`
  return `${wanted}: **missed**, ${(value / limit).toFixed(2)} × it`
}

/** Each method once, with the figures it made. */
function methodsOf(figures: readonly Figure[]): string[] {
  const methods = Map.groupBy(figures, ({ method, asserted }) => `${method}. Asserted: ${asserted}`)
  return [...methods.keys()].map(
    (method) => `- ${method.charAt(0).toUpperCase()}${method.slice(1)}.`,
  )
}
