import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'vitest'

const ROOT = dirname(import.meta.dirname)
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Other words for what has a word here already: each stands in the last column of the glossary. */
const neverSaid = [
  'mock',
  'fake',
  'stub',
  'dummy',
  'merchant',
  'vendor',
  'seller',
  'customer',
  'invoice',
  'tariff',
  'voucher',
  'purse',
  'certificate',
]

const rooms = ['functions', 'shared', 'sdk', 'supabase']

const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', ...rooms],
  { cwd: ROOT, encoding: 'utf8' },
)
  .split('\n')
  .filter((path) => /\.(ts|sql|lua)$/.test(path) && existsSync(join(ROOT, path)))

/** Comments and texts, whichever begins first: what is said to people is not a name. */
const PROSE = {
  ts: /\/\*.*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/gs,
  sql: /\/\*.*?\*\/|--[^\n]*|'(?:''|[^'])*'/gs,
}

/** The words names are made of, in lower case: `keyHashes` is `key` and `hashes`. */
function wordsOf(text: string, prose: RegExp): Set<string> {
  const names = text.replaceAll(prose, ' ').match(/[A-Za-z]+/g) ?? []
  return new Set(
    names.flatMap((name) => name.split(/(?=[A-Z][a-z])/)).map((it) => it.toLowerCase()),
  )
}

const saidIn = (text: string, prose: RegExp): string[] => {
  const words = wordsOf(text, prose)
  return neverSaid.filter((word) => words.has(word) || words.has(`${word}s`))
}

describe('the glossary', () => {
  it('keeps other words for the same things out of our names', ({ expect }) => {
    const said = sources.flatMap((path) =>
      saidIn(read(path), path.endsWith('.ts') ? PROSE.ts : PROSE.sql).map(
        (word) => `${path}: ${word}`,
      ),
    )

    expect(sources.length).toBeGreaterThan(0)
    expect(said).toEqual([])
  })

  it('lists each of them', ({ expect }) => {
    const rows = read('docs/glossary.md')
      .split('\n')
      .filter((line) => line.startsWith('|'))
    const last = rows.map((row) => row.split('|').at(-2)).join(' ')

    expect(neverSaid.filter((word) => !new RegExp(`\\b${word}\\b`).test(last))).toEqual([])
  })

  it.for([
    ['const fakeLedger = 1', ['fake']],
    ['type MerchantKeys = string', ['merchant']],
    ["const text = 'a customer' // of a vendor", []],
    ['const stubborn = `mock`', []],
  ] as const)('finds them in names only: %s', ([text, found], { expect }) => {
    expect(saidIn(text, PROSE.ts)).toEqual(found)
  })
})
