import { describe, it } from 'vitest'
import { ablations, type Guard } from './simulation/guards.ts'
import { live } from './simulation/run.ts'
import { storyOf } from './simulation/story.ts'
import { TOLD } from './simulation/told.ts'

/** What breaks without each guard, and among how many worlds from the first one given it does. */
const NEEDED: { guard: Guard; breaks: RegExp; from: bigint; within: number }[] = [
  { guard: 'a lease ends with its minute', breaks: /^(P2|P4)/, from: 1n, within: 10 },
  { guard: 'a lease ends with its policy day', breaks: /^P2/, from: 1n, within: 10 },
  { guard: 'install nonce and epoch compare', breaks: /^(F1|P2)/, from: 14n, within: 5 },
  { guard: 'a reservation is remembered', breaks: /^O3.*promised twice/, from: 1n, within: 10 },
  { guard: 'a request id has one content', breaks: /^O2/, from: 11n, within: 10 },
  { guard: 'a promise is within what is left of the lease', breaks: /^F1/, from: 1n, within: 10 },
  { guard: 'a promise and its record are one step', breaks: /^V1/, from: 1n, within: 10 },
  { guard: 'a proof ends when it was promised to end', breaks: /^(O3|F2)/, from: 1n, within: 10 },
  { guard: 'a record is removed after its outcome', breaks: /^V1/, from: 6n, within: 10 },
  {
    guard: 'a proof is settled before it is called good',
    breaks: /^(F2|F3)/,
    from: 1n,
    within: 10,
  },
  { guard: 'a batch that raises is halved', breaks: /^V1/, from: 12n, within: 12 },
  { guard: 'what nobody can settle is set aside', breaks: /^V1/, from: 1n, within: 10 },
  { guard: 'the clock drains what no message woke', breaks: /^(V1|V2)/, from: 1n, within: 10 },
  { guard: 'only an empty shard counts as drained', breaks: /^V1/, from: 1n, within: 10 },
  { guard: 'a grant is known by its nonce', breaks: /^(M1|M4)/, from: 6n, within: 10 },
  { guard: 'one open lease in a region', breaks: /^M5/, from: 1n, within: 10 },
  { guard: 'a stopped wallet gets no lease', breaks: /^P4/, from: 19n, within: 10 },
  { guard: 'proof life and skew before reclaim', breaks: /^F2/, from: 1n, within: 10 },
  { guard: 'a payment is looked up before it is judged', breaks: /^O3/, from: 9n, within: 10 },
  { guard: 'a conflict is honoured', breaks: /^(V1|F2)/, from: 1n, within: 10 },
  { guard: 'settling judges nothing again', breaks: /^(V1|F2)/, from: 13n, within: 10 },
  { guard: 'once per payment id', breaks: /^(M|O)/, from: 1n, within: 10 },
  { guard: 'a proof is for one provider', breaks: /^F4/, from: 1n, within: 10 },
]

describe('the simulation without', () => {
  it('each guard there is fails', ({ expect }) => {
    const shown = [...NEEDED, ...TOLD].map(({ guard }) => guard)

    expect(shown.sort()).toEqual(Object.keys(ablations).sort())
  })

  it.for(NEEDED)('"$guard" fails', { timeout: 300_000 }, async (needed, { expect }) => {
    const { guard, breaks, from, within } = needed
    const violations: string[] = []
    for (let at = 0; at < within && violations.length === 0; at++) {
      const { violations: found } = await live(storyOf(from + BigInt(at)), ablations[guard])
      violations.push(...found)
    }

    expect(violations[0]).toMatch(breaks)
  })

  it.for(TOLD)(
    '"$guard" fails in a world made for it, and with it holds',
    async (told, { expect }) => {
      const { guard, breaks, story } = told

      expect((await live(story)).violations).toEqual([])
      expect((await live(story, ablations[guard])).violations[0]).toMatch(breaks)
    },
  )
})
