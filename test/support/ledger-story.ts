import { isDeepStrictEqual } from 'node:util'
import { cast, type Opening, open } from '../model/cast.ts'
import { answer, type Call, emptyLedger, type State } from '../model/ledger.ts'
import type { Step } from './ledger-replay.ts'

/** A world as the model lives it. */
export type Story = { steps: Step[]; answers: unknown[]; ledger: State; opening: number }

/** How a world begins, and what then happens, in commands that `tell` turns into calls. */
type Lived<Command> = { start: string; opening: Opening; commands: readonly Command[] }

/** Lives a world in the model; `heard` learns each call with its answer, and the state after it. */
export function live<Command>(
  world: Lived<Command>,
  tell: (ledger: State, command: Command) => (number | Call)[],
  heard: (call: Call, said: unknown, ledger: State) => void,
): Story {
  const ledger = emptyLedger(Date.parse(world.start))
  const story: Story = { steps: [], answers: [], ledger, opening: 0 }
  const call = (it: Call) => {
    const said = answer(ledger, it)
    story.steps.push({ ...it, at: ledger.now })
    story.answers.push(said)
    heard(it, said, ledger)
  }
  for (const opening of open(world.opening)) call(opening)
  story.opening = story.steps.length
  for (const command of world.commands) {
    for (const told of tell(ledger, command)) {
      if (typeof told === 'number') ledger.now = told
      else call(told)
    }
  }
  return story
}

/** The story after its opening, up to the first answer on which the two differ, to be read. */
export function dispute(story: Story, answers: readonly unknown[]): string | undefined {
  const index = story.answers.findIndex((said, step) => !isDeepStrictEqual(said, answers[step]))
  if (index < 0) return undefined
  const first = Math.min(story.opening, index)
  const lines = story.steps
    .slice(first, index + 1)
    .map((step, i) => line(step, story.answers[first + i]))
  return [...lines, `  but the database answered ${readable(answers[index])}`].join('\n')
}

const line = ({ at, name, args }: Step, said: unknown) =>
  `${new Date(at).toISOString()} ${name} ${readable(args)}\n  → ${readable(said)}`

const names = Object.entries(cast).flatMap(([kind, members]) =>
  typeof members === 'string'
    ? [[members, kind] as const]
    : members.flatMap((member, index) =>
        typeof member === 'string' ? [[member, `${kind}[${index}]`] as const] : [],
      ),
)

/** JSON with the cast by name. */
const readable = (value: unknown): string =>
  names.reduce((text, [id, name]) => text.replaceAll(id, name), String(JSON.stringify(value)))
