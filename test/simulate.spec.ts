import { execFile } from 'node:child_process'
import { describe, inject, it } from 'vitest'
import { ablations } from './simulation/guards.ts'
import { live } from './simulation/run.ts'
import { shrink, tellStory } from './simulation/shrink.ts'
import { TOLD } from './simulation/told.ts'

const MAIN = 'test/simulation/main.ts'

type Ended = { exit: number; out: string; error: string }

const simulate = (line: string): Promise<Ended> => {
  const env = { ...process.env, DATABASE_URL: inject('postgres').superuserUrl }
  return new Promise((resolve) => {
    const command = [MAIN, ...line.split(' ')]
    const process_ = execFile(process.execPath, command, { env }, (_, out, error) =>
      resolve({ exit: process_.exitCode ?? -1, out, error }),
    )
  })
}

describe('npm run simulate', () => {
  it('lives as many worlds as it is told to, and asks Postgres again', {
    timeout: 60_000,
  }, async ({ expect }) => {
    const { exit, out } = await simulate('--seeds 2 --workers 1 --postgres --json')

    expect(exit).toBe(0)
    const { seeds, failed, reached, injected, postgres } = JSON.parse(out)
    expect({ seeds, failed }).toEqual({ seeds: 2, failed: [] })
    expect(reached['a promise']).toBeGreaterThan(0)
    expect(Object.keys(injected)).not.toEqual([])
    expect(postgres).toMatchObject({ replayed: 1, differed: [] })
  })

  it('lives one world alone, of a seed of 64 bits', { timeout: 60_000 }, async ({ expect }) => {
    const { exit, out } = await simulate('--seed 18446744073709551615')

    expect(exit).toBe(0)
    expect(out).toBe('Seed 18446744073709551615: everything held.\n')
  })

  it.for([
    ['--seeds abc', '--seeds is a whole number from 1'],
    ['--seeds 0', '--seeds is a whole number from 1'],
    ['--workers 1.5', '--workers is a whole number from 1'],
    ['--seed abc', '--seed is a whole number below 2^64'],
    ['--from=-1', '--from is a whole number below 2^64'],
    ['--from 18446744073709551616', '--from is a whole number below 2^64'],
  ] as const)(
    'refuses %s before it lives any',
    { timeout: 60_000 },
    async ([line, why], { expect }) => {
      const { exit, out, error } = await simulate(line)

      expect({ exit, out }).toEqual({ exit: 2, out: '' })
      expect(error).toMatch(why)
    },
  )
})

describe('a story that breaks an invariant', () => {
  it('is shrunk to one that breaks the same, with nothing in it that could be left out', {
    timeout: 120_000,
  }, async ({ expect }) => {
    const guard = 'single-use install nonce'
    const { story } = TOLD.find((told) => told.guard === guard) ?? {}
    if (!story) throw new Error('nobody tells it')

    const shortest = await shrink(story, ablations[guard])

    const { actions } = shortest.story
    expect(actions.length).toBeLessThan(story.actions.length)
    expect(shortest.outcome.violations[0]).toMatch(/^F1/)
    for (const left of actions) {
      const without = { ...story, actions: actions.filter((it) => it !== left) }
      const { violations } = await live(without, ablations[guard])
      expect([left.id, violations.filter((it) => it.startsWith('F1'))]).toEqual([left.id, []])
    }
    expect(tellStory(shortest.story)).toMatch(/s {2}install again, region 0/)
    expect((await live(shortest.story)).violations).toEqual([])
  })
})
