/** Grams of this length are compared first; shorter ones find looser matches. */
const LONGEST_GRAM = 3
const SHORTEST_GRAM = 2
/** Only the closest by grams are compared letter by letter. */
const CANDIDATES = 50

/** The name most like `wanted`, if any reaches `least` (0 to 1). */
export function closest(
  names: readonly string[],
  wanted: string,
  least: number,
): string | undefined {
  const target = wanted.toLowerCase()
  for (let size = LONGEST_GRAM; size >= SHORTEST_GRAM; size -= 1) {
    const grams = countGrams(target, size)
    const best = [...new Set(names)]
      .map((name) => ({ name, score: cosine(countGrams(name.toLowerCase(), size), grams) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score)
      .slice(0, CANDIDATES)
      .map(({ name }) => ({ name, score: likeness(name.toLowerCase(), target) }))
      .filter(({ score }) => score >= least)
      .toSorted((a, b) => b.score - a.score)[0]
    if (best) return best.name
  }
  return undefined
}

function countGrams(text: string, size: number): Map<string, number> {
  const framed = `-${text.replace(/[^\p{L}\p{N}_, ]+/gu, '')}-`
  const counts = new Map<string, number>()
  for (let at = 0; at + size <= framed.length; at += 1) {
    const gram = framed.slice(at, at + size)
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}

function cosine(a: Map<string, number>, b: Map<string, number>): number {
  let dot = 0
  for (const [gram, count] of a) dot += count * (b.get(gram) ?? 0)
  return dot === 0 ? 0 : dot / (norm(a) * norm(b))
}

const norm = (counts: Map<string, number>) =>
  Math.sqrt([...counts.values()].reduce((sum, count) => sum + count * count, 0))

/** One less the share of letters that must change: 1 for equal words. */
function likeness(a: string, b: string): number {
  const longest = Math.max(a.length, b.length)
  return longest === 0 ? 1 : 1 - editDistance(a, b) / longest
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
