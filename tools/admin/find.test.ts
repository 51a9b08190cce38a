import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'vitest'
import { readCommandLine } from './find.ts'

const PROJECT = new URL('../../', import.meta.url)

const pages = [
  'README.md',
  ...readdirSync(new URL('docs', PROJECT))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

/** Every command line of the operator that a page shows, in its text or in a block, by page. */
const shown = pages.flatMap((page) => {
  const text = readFileSync(new URL(page, PROJECT), 'utf8')
  const inText = text.matchAll(/`npm run admin --\s([^`]+)`/g)
  const inBlocks = text.matchAll(/^ *npm run admin -- ((?:.*\\\n)*.*)$/gm)
  return [...inText, ...inBlocks].map(([, line = '']) => ({
    page,
    line: line.replaceAll('\\\n', ' ').replaceAll(/\s+/g, ' ').trim(),
  }))
})

/** A name alone sends a reader to its help; with an option it looks complete, and is pasted. */
const isNameOnly = (line: string) => /^[a-z-]+( [a-z]+)?$/.test(line)

describe('a command line in the documentation', () => {
  it.for(shown)('is taken as it stands in $page: $line', ({ line }, { expect }) => {
    const words = isNameOnly(line) ? [...line.split(' '), '--help'] : line.split(' ')

    expect(() => readCommandLine(words)).not.toThrow()
  })

  it('is found', ({ expect }) => {
    expect(shown.length).toBeGreaterThan(20)
  })
})
