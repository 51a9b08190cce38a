/** What takes part in a comparison: runs once and says what it measured. */
export type Contenders<Name extends string, Sample> = Record<Name, () => Promise<Sample>>

/**
 * Runs every contender once a round and returns what each measured, round by round.
 *
 * A first round warms everything up and is thrown away; after it the order turns round by round,
 * so that what drifts (a page cache, a neighbour on the machine) favours nobody.
 */
export async function alternate<Name extends string, Sample>(
  contenders: Contenders<Name, Sample>,
  options: { rounds: number; onRound?: (done: number, all: number) => void },
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(contenders) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Sample[]
  >
  for (let round = 0; round <= options.rounds; round += 1) {
    options.onRound?.(round, options.rounds)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await contenders[name]()
      if (round > 0) samples[name].push(sample)
    }
  }
  return samples
}
