import { describe, it } from 'vitest'
import { readJson } from './json.ts'

/** What texts are made of: each token of the grammar, and what is nearly one. */
const TOKENS = ['{', '}', '[', ']', ',', ':', '"a"', '0', '-', '\\']

/** Every text of at most `most` tokens, in order. */
function* texts(most: number): Generator<string> {
  let shorter = ['']
  for (let length = 1; length <= most; length++) {
    shorter = shorter.flatMap((text) => TOKENS.map((token) => text + token))
    yield* shorter
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('every text of at most four tokens', () => {
  it('is read when it is JSON, and refused when it is not', { timeout: 30_000 }, ({ expect }) => {
    const judged = [...texts(4)].map((text) => {
      const read = readJson(new TextEncoder().encode(text))
      return { text, isJson: parses(text), isRead: read.ok }
    })

    expect(judged.filter(({ isJson, isRead }) => isJson !== isRead)).toEqual([])
    expect(judged).toHaveLength(11_110)
    expect(judged.filter(({ isRead }) => isRead)).toHaveLength(10)
  })
})
