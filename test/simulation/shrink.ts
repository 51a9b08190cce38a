import type { Ablation } from './ablation.ts'
import { live, type Outcome } from './run.ts'
import type { Action, Story } from './story.ts'

/** Runs that a search for a shorter story may take. */
const RUNS_MAX = 400

/**
 * The shortest story found that breaks the same invariant: parts are left out, large ones first,
 * for as long as it still breaks.
 */
export async function shrink(
  story: Story,
  ablation?: Ablation,
): Promise<{ story: Story; outcome: Outcome }> {
  let best = { story, outcome: await live(story, ablation) }
  const invariant = invariantOf(best.outcome)
  let runs = 0
  for (let size = Math.ceil(story.actions.length / 2); size >= 1; ) {
    let isShorter = false
    for (let from = 0; from < best.story.actions.length && runs < RUNS_MAX; ) {
      const actions = best.story.actions.filter((_, at) => at < from || at >= from + size)
      const outcome = await live({ ...story, actions }, ablation)
      runs += 1
      if (invariantOf(outcome) === invariant) {
        best = { story: { ...story, actions }, outcome }
        isShorter = true
      } else {
        from += size
      }
    }
    if (!isShorter || size > 1) size = size === 1 ? 0 : Math.floor(size / 2)
  }
  return best
}

const invariantOf = ({ violations }: Outcome): string | undefined => violations[0]?.split(':')[0]

/** A story as people read it: a line for each thing that happens, at its second. */
export const tellStory = ({ actions }: Story): string =>
  actions
    .map((action) => `${(action.at / 1000).toFixed(1).padStart(7)} s  ${describe(action)}`)
    .join('\n')

function describe(action: Action): string {
  const { id: _id, at: _at, do: what, ...facts } = action
  const words = Object.entries(facts).map(([name, value]) =>
    typeof value === 'object' ? Object.values(value).join(' ') : `${name} ${value}`,
  )
  return [what, ...words].join(', ')
}
