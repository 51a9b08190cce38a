import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'vitest'

const at = (path: string) => new URL(`../../${path}`, import.meta.url)
const read = (path: string) => readFileSync(at(path), 'utf8')

type Row = { id: string; promise: string; status: string; where: string }

const rows = read('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| T'))
  .map((line): Row => {
    const [id = '', promise = '', status = '', where = ''] = line.slice(2).split(' | ')
    return { id, promise, status, where: where.replace(/\|$/, '') }
  })

/** The tests a row names: each file with the titles beside it. */
const named = ({ where }: Row) =>
  [...where.matchAll(/`([^`]+)`: ((?:“[^”]+”(?:, )?)+)/g)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ file, title })),
  )

/** Whether a file has a test or an assertion of that title, in whichever quotes it is written. */
function has(file: string, title: string): boolean {
  if (!existsSync(at(file))) return false
  const text = read(file).replaceAll("\\'", "'")
  return ["'", '"', '`'].some((quote) => text.includes(quote + title))
}

describe('the table of cases in docs/security.md', () => {
  it('has each of the ninety once, in order', ({ expect }) => {
    const ids = Array.from({ length: 90 }, (_, index) => `T${`${index + 1}`.padStart(2, '0')}`)
    expect(rows.map(({ id }) => id)).toEqual(ids)
  })

  it('names for each either the test that shows it, or why there is none', ({ expect }) => {
    const unclear = rows.filter((row) => {
      const [, , reason] = /^(shown|in part|not yet)(?:: (.+))?$/.exec(row.status) ?? []
      const isShown = row.status === 'shown'
      return row.promise === '' || (isShown ? named(row).length === 0 : reason === undefined)
    })
    expect(unclear).toEqual([])
  })

  it('names tests that exist', ({ expect }) => {
    const missing = rows.flatMap((row) =>
      named(row)
        .filter(({ file, title }) => !has(file, title))
        .map(({ file, title }) => `${row.id} ${file}: ${title}`),
    )
    expect(missing).toEqual([])
  })
})

describe('what wrangler is told', () => {
  it('keeps every fetch of the Worker public', ({ expect }) => {
    expect(read('wrangler.toml')).toMatch(
      /compatibility_flags = \[.*"global_fetch_strictly_public"/,
    )
  })
})
