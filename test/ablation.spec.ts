import { readdir, readFile } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { ablations, type Guard } from './simulation/guards.ts'
import { GUARD_OF } from './simulation/reasons.ts'
import { REDUNDANT } from './simulation/redundant.ts'
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
  { guard: 'a lease knows the keys of its agent', breaks: /^F4.*stranger/, from: 1n },
  { guard: 'a lease knows who has to sign', breaks: /^F4.*did not sign/, from: 12n },
  { guard: 'a promise is told to its caller alone', breaks: /^F4.*stranger/, from: 15n },
  { guard: 'a promise is in one currency', breaks: /^P3.*currency/, from: 7n },
  { guard: 'a promise is for a method of its endpoint', breaks: /^P3.*resource/, from: 3n },
  { guard: 'a promise is for a resource of its endpoint', breaks: /^P3.*resource/, from: 3n },
  { guard: 'a promise is of a price that counts', breaks: /^P3.*price/, from: 7n },
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
  { guard: 'a frozen wallet gets no lease', breaks: /^P4/, from: 170n },
  { guard: 'a suspended agent gets no lease', breaks: /^P4/, from: 120n },
  { guard: 'a wallet that pays at once gets no lease', breaks: /^P4/, from: 1n },
  { guard: 'leases hold a share of the funds', breaks: /^P2.*share/, from: 1n },
  { guard: 'a change of policy ends leases', breaks: /^P4.*policy/, from: 1n },
  { guard: 'a freeze ends leases', breaks: /^P4.*may not pay/, from: 7n },
  { guard: 'a suspension ends leases', breaks: /^P4.*may not pay/, from: 2n },
  { guard: 'a fork is noticed, and ends its lease', breaks: /^F1.*nobody noticed/, from: 26n },
  { guard: 'proof life and skew before reclaim', breaks: /^F2/, from: 1n },
  { guard: 'a payment is looked up before it is judged', breaks: /^O3/, from: 9n },
  { guard: 'a conflict is honoured', breaks: /^(V1|F2)/, from: 1n },
  { guard: 'settling judges nothing again', breaks: /^(V1|F2)/, from: 13n },
  { guard: 'once per payment id', breaks: /^O1/, from: 1n },
  { guard: 'a proof is for one provider', breaks: /^F4/, from: 1n },
  { guard: 'a record says what its payment says', breaks: /^F3/, from: 12n },
  { guard: "a record is of its lease's wallet", breaks: /^F1/, from: 14n },
  { guard: "a record is of its endpoint's provider", breaks: /^F1/, from: 14n },
]

const LUA = 'shared/adapters/lua'
const LEDGER = ['20261120000011_grant_lease.sql', '20261120000013_judge_batch.sql']

/** What scripts and ledger say when all is well. */
const WELL = ['installed', 'settled', 'replayed']

const wordsIn = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].flatMap(([, word]) => word ?? [])

/** Every reason to say no that stands in a script of the leases, or in how the ledger judges. */
async function reasons(): Promise<Set<string>> {
  const scripts = await Promise.all(
    (await readdir(LUA)).map((name) => readFile(`${LUA}/${name}`, 'utf8')),
  )
  const functions = await Promise.all(
    LEDGER.map((name) => readFile(`supabase/migrations/${name}`, 'utf8')),
  )
  const said = [
    ...scripts.flatMap((text) => wordsIn(text, /(?:declined\(|return )'(\w+)'/g)),
    ...functions.flatMap((text) => wordsIn(text, /(?:then|else|:=|'reason',) '(\w+)'/g)),
  ]
  return new Set(said.filter((word) => !WELL.includes(word)))
}

describe('the simulation', () => {
  it('knows the guard behind every reason for which scripts and ledger say no', async ({
    expect,
  }) => {
    expect(Object.keys(GUARD_OF).sort()).toEqual([...(await reasons())].sort())

    const named = Object.values(GUARD_OF).flatMap((it) =>
      typeof it === 'object' && 'absent' in it ? [] : it,
    )
    expect(named.filter((guard) => !Object.hasOwn(ablations, guard))).toEqual([])
  })

  it('takes each guard out, and changes something by it', ({ expect }) => {
    const shown = [...NEEDED, ...TOLD, ...REDUNDANT].map(({ guard }) => guard)
    expect([...new Set(shown)].sort()).toEqual(Object.keys(ablations).sort())
  })

  it.for(Object.entries(ablations).filter(([, { script }]) => script))(
    'takes "%s" out of a script that has it',
    async ([, { script }], { expect }) => {
      const texts = await Promise.all(
        (await readdir(LUA)).map((name) => import(`../${LUA}/${name}`)),
      )
      const scripts = texts.flatMap((it) => Object.values<string>(it))

      expect(scripts.filter((text) => script?.(text) !== text)).not.toEqual([])
    },
  )
})

describe('the simulation without', () => {
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

  it.for(REDUNDANT)('"$guard" holds, since $because', async (redundant, { expect }) => {
    const { guard, story, met, more, both } = redundant
    const whole = await live(story)
    const without = await live(story, ablations[guard])

    expect([whole.violations, without.violations]).toEqual([[], []])
    expect(whole.reached.get(met)).toBeGreaterThan(0)
    const times = (what: string) => [without.reached.get(what) ?? 0, whole.reached.get(what) ?? 0]
    if (more) expect(times(more)[0]).toBeGreaterThan(times(more)[1] ?? 0)
    if (both) expect((await live(story, both.without)).violations[0]).toMatch(both.breaks)
  })
})
