import {
  firstProofKeys,
  type Rotated,
  revokeProofKey,
  rotateProofKeys,
  timelineOf,
} from '../../shared/domain/proof-key-rotation.ts'
import { type ProofKey, ProofKeys } from '../../shared/domain/proof-keys.ts'
import { isoSeconds } from '../../shared/protocol/pay.ts'
import type { Options } from '../cli/arguments.ts'
import { refused, usage } from '../cli/failure.ts'
import { readSource, writeSecret } from '../cli/files.ts'
import { jsonIn } from '../cli/json.ts'
import { makeKeyPair } from '../cli/key-pair.ts'
import { type Outcome, table } from '../cli/output.ts'
import type { Command, Session } from './command.ts'

const outputOptions: Options = {
  out: { value: 'FILE', help: 'write the new set there (mode 600), not to stdout; may be --keys' },
  'dry-run': { help: 'show the timeline alone; make nothing' },
}

const keyOptions: Options = {
  keys: {
    value: 'FILE',
    help: 'the present set; - is stdin; left out: PROOF_KEYS in the environment',
  },
  ...outputOptions,
}

export const proofKeysNew: Command = {
  name: 'proof-keys new',
  does: 'Make the first set of a deployment: one key, which signs at once.',
  example: 'proof-keys new --out proof-keys.json',
  options: outputOptions,
  async run(session) {
    return tell(session, firstProofKeys(await makeKeyPair(), session.nowSeconds))
  },
}

export const proofKeysRotate: Command = {
  name: 'proof-keys rotate',
  does: 'Add a key that is published now and signs in 10 minutes; the old one stays a day longer.',
  example: 'proof-keys rotate --keys proof-keys.json --out proof-keys.json',
  options: keyOptions,
  async run(session) {
    const keys = await presentKeys(session)
    const rotated = rotateProofKeys(keys, await makeKeyPair(), session.nowSeconds)
    return tell(session, keysOf(rotated), 'Put it in place within 5 minutes, or make it anew.')
  },
}

export const proofKeysRevoke: Command = {
  name: 'proof-keys revoke',
  does: 'Take a leaked key out of use at once. When it signs, the next key does, or a new one.',
  example: 'proof-keys revoke UD03HaZ-Z7VDn3AYhqpvm7G2TInAaKYC3nz8Vb4pdCk --keys proof-keys.json',
  positional: 'KID',
  options: keyOptions,
  async run(session) {
    const [kid = ''] = session.arguments.positionals
    const revoked = { kid, spare: await makeKeyPair() }
    const rotated = revokeProofKey(await presentKeys(session), revoked, session.nowSeconds)
    return tell(session, keysOf(rotated), 'Put it in place now: until then the old key is good.')
  },
}

export const proofKeysShow: Command = {
  name: 'proof-keys show',
  does: 'Show what the present set does from now on; never a private part.',
  example: 'proof-keys show --keys proof-keys.json',
  options: { keys: keyOptions['keys'] ?? { help: '' } },
  async run(session) {
    const timeline = timelineOf(await presentKeys(session), session.nowSeconds)
    return { text: timelineTable(timeline, session.nowSeconds), data: { timeline } }
  },
}

async function presentKeys(session: Session): Promise<ProofKey[]> {
  const path = session.arguments.optional('keys')
  const text = path === undefined ? process.env['PROOF_KEYS'] : await readSource(path)
  if (text === undefined) throw usage('no set is given: name --keys FILE, or set PROOF_KEYS')
  const read = ProofKeys.safeParse(jsonIn(text))
  if (!read.success) throw usage('the set of keys has another form than PROOF_KEYS')
  return read.data
}

const reasons = {
  nothing_signs: 'no key of this set signs now: make a first set with "proof-keys new"',
  under_way: 'a rotation is under way: wait until its new key signs',
  unknown_key: 'the set has no key of that kid; "proof-keys show" lists them',
} as const

function keysOf(rotated: Rotated): ProofKey[] {
  if (rotated.ok) return rotated.keys
  throw refused(reasons[rotated.reason])
}

/** The set goes to the file or to stdout, which can be piped; what it will do goes beside it. */
async function tell(session: Session, keys: ProofKey[], advice?: string): Promise<Outcome> {
  const { arguments: given, nowSeconds } = session
  const timeline = timelineOf(keys, nowSeconds)
  const shown = timelineTable(timeline, nowSeconds)
  if (given.flag('dry-run')) return { text: shown, data: { timeline, dryRun: true } }

  const path = given.optional('out')
  const notes = [shown, ...(advice ? [advice] : []), 'It is the secret PROOF_KEYS.'].join('\n')
  if (path === undefined) return { text: JSON.stringify(keys), notes, data: { timeline, keys } }
  await writeSecret(path, JSON.stringify(keys), { replaces: given.optional('keys') })
  return { text: `${notes}\nIt is in ${path}.`, data: { timeline, file: path } }
}

function timelineTable(timeline: ReturnType<typeof timelineOf>, nowSeconds: number): string {
  const rows = timeline.map(({ at, signs, published }) => [
    isoSeconds(at),
    at === nowSeconds ? 'now' : `in ${spanOf(at - nowSeconds)}`,
    signs === undefined ? 'none' : briefly(signs),
    published.map(briefly).join(' '),
  ])
  return table([['from', '', 'signs', 'published'], ...rows])
}

const briefly = (kid: string) => kid.slice(0, 8)

function spanOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  const rest = seconds % 60
  const parts = [
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    rest > 0 ? `${rest} s` : '',
  ]
  return parts.filter(Boolean).join(' ')
}
