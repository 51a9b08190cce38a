import { describe, it } from 'vitest'
import { ablations, type Guard } from './simulation/guards.ts'
import { live } from './simulation/run.ts'
import { storyOf } from './simulation/story.ts'
import { TOLD } from './simulation/told.ts'

/** Worlds that are searched from a seed on. */
const WORLDS_MAX = 60

/** What breaks without each guard in a world from this seed on, a few worlds later mostly. */
const NEEDED: { guard: Guard; breaks: RegExp; from: bigint }[] = [
  { guard: 'a lease ends with its minute', breaks: /^(P2|P4)/, from: 1n },
  { guard: 'a lease ends with its policy day', breaks: /^P2/, from: 1n },
  { guard: 'install nonce and epoch compare', breaks: /^(F1|P2|P4)/, from: 14n },
  { guard: 'a reservation is remembered', breaks: /^O3.*promised twice/, from: 1n },
  { guard: 'a request id has one content', breaks: /^O2/, from: 11n },
  { guard: 'a promise is within what is left of the lease', breaks: /^F1/, from: 1n },
  { guard: 'a promise and its record are one step', breaks: /^V1/, from: 1n },
  { guard: 'a proof ends when it was promised to end', breaks: /^(O3|F2)/, from: 1n },
  { guard: 'a record is removed after its outcome', breaks: /^V1/, from: 6n },
  {
    guard: 'a proof is settled before it is called good',
    breaks: /^(F2|F3)/,
    from: 1n,
  },
  { guard: 'a batch that raises is halved', breaks: /^V1/, from: 12n },
  { guard: 'what nobody can settle is set aside', breaks: /^V1/, from: 1n },
  { guard: 'the clock drains what no message woke', breaks: /^(V1|V2)/, from: 1n },
  { guard: 'only an empty shard counts as drained', breaks: /^V1/, from: 1n },
  { guard: 'one open lease in a region', breaks: /^M5/, from: 1n },
  { guard: 'a stopped wallet gets no lease', breaks: /^P4/, from: 19n },
  { guard: 'proof life and skew before reclaim', breaks: /^F2/, from: 1n },
  { guard: 'a payment is looked up before it is judged', breaks: /^O3/, from: 9n },
  { guard: 'a conflict is honoured', breaks: /^(V1|F2)/, from: 1n },
  { guard: 'settling judges nothing again', breaks: /^(V1|F2)/, from: 13n },
  { guard: 'once per payment id', breaks: /^(M|O)/, from: 1n },
  { guard: 'a proof is for one provider', breaks: /^F4/, from: 1n },
]

describe('the simulation without', () => {
  it('each guard there is fails', ({ expect }) => {
    const shown = [...NEEDED, ...TOLD].map(({ guard }) => guard)

    expect(shown.sort()).toEqual(Object.keys(ablations).sort())
  })

  it.for(NEEDED)('"$guard" fails', { timeout: 300_000 }, async (needed, { expect }) => {
    const { guard, breaks, from } = needed
    const violations: string[] = []
    for (let at = 0; at < WORLDS_MAX && violations.length === 0; at++) {
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
