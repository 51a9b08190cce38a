/** One row of the figures in docs/security.md; a later run of the same replaces it. */
export type Figure = { what: string; cases: string; found: string }

const HEAD = '| What | Cases | Found |\n|---|---|---|\n'

/** The document with these figures in its table, each in the place of its former one. */
export function putFigures(text: string, figures: readonly Figure[]): string {
  const at = text.indexOf(HEAD)
  if (at < 0) throw new Error('the document has no table of figures')
  const start = at + HEAD.length
  const [table = ''] = /^(\|.*\n)*/.exec(text.slice(start)) ?? []
  const rows = new Map(table.split('\n').map((row) => [row.split(' | ')[0] ?? '', row]))
  for (const { what, cases, found } of figures) {
    rows.set(`| ${what}`, `| ${what} | ${cases} | ${found} |`)
  }
  const lines = [...rows.values()].filter((row) => row !== '').map((row) => `${row}\n`)
  return text.slice(0, start) + lines.join('') + text.slice(start + table.length)
}
