import { type ApiKey, hashApiKey, makeApiKey, parseApiKey } from '../../shared/domain/api-key.ts'
import { isoSeconds } from '../../shared/protocol/pay.ts'
import type { Arguments } from '../cli/arguments.ts'
import { CommandFailure, refused, usage } from '../cli/failure.ts'
import { readIfThere, writeSecret } from '../cli/files.ts'
import type { Command, Session } from './command.ts'

export const keyNew: Command = {
  name: 'key new',
  does: 'Make an API key, register its hash and show the key once. Nobody can show it again.',
  example: 'key new --agent 20000000-0000-4000-8000-000000000001 --out agent.key',
  options: {
    agent: { value: 'UUID', help: 'the agent it is for' },
    provider: { value: 'UUID', help: 'or the provider it is for' },
    expires: { value: 'WHEN', help: 'RFC 3339 or from now, such as +90d; left out: never' },
    out: {
      value: 'FILE',
      help: 'write the key there (mode 600) instead; a file that exists is the key',
    },
  },
  async run(session) {
    const { arguments: given } = session
    const holder = holderIn(given)
    const expires = given.optional('expires')
      ? isoSeconds(given.moment('expires', session.nowSeconds))
      : null
    const key = await keyFor(session, holder.kind)
    try {
      await session.call('put_x402_key', {
        kind: holder.kind,
        key_id: key.id,
        holder_id: holder.id,
        key_hash: await hashApiKey(key.text),
        expires_at: expires,
      })
    } catch (cause) {
      throw explained(cause, key.id, given.optional('out'))
    }
    return shown(key, given.optional('out'))
  },
}

export const keyRevoke: Command = {
  name: 'key revoke',
  does: 'Revoke an API key, at once. Takes its id, or the leaked key itself.',
  example: 'key revoke hiew86p5eVSC3JKu',
  positional: 'KEY_ID',
  options: {},
  endsLeases: true,
  async run(session) {
    const [word = ''] = session.arguments.positionals
    const known = parseApiKey(word)
    const id = known?.id ?? word
    if (!/^[0-9A-Za-z]{16}$/.test(id)) throw usage('name the key by the 16 characters of its id')
    const kinds = known ? [known.kind] : (['agent', 'provider'] as const)
    const found: unknown[] = []
    for (const kind of kinds)
      found.push(await session.call('revoke_x402_key', { kind, key_id: id }))
    if (!found.includes(true)) throw refused(`no key has the id ${id}`)
    return {
      text: `key ${id} is revoked\nNothing is done with it from now on; what it paid stays paid.`,
      data: { key: id, revoked: true },
    }
  },
}

type Holder = { kind: ApiKey['kind']; id: string }

function holderIn(given: Arguments): Holder {
  const [agent, provider] = [given.optional('agent'), given.optional('provider')]
  if ((agent === undefined) === (provider === undefined)) {
    throw usage('give one of --agent and --provider')
  }
  return agent === undefined
    ? { kind: 'provider', id: given.id('provider') }
    : { kind: 'agent', id: given.id('agent') }
}

/** A new key, in the file before the ledger hears of it; or the one a former try left there. */
async function keyFor(session: Session, kind: ApiKey['kind']): Promise<ApiKey> {
  const { environment } = await session.target()
  const path = session.arguments.optional('out')
  const former = path === undefined ? undefined : await readIfThere(path)
  const random = crypto.getRandomValues(new Uint8Array(96))
  const key = parseApiKey(former?.trim() ?? makeApiKey({ kind, environment, random }))
  if (key?.kind !== kind || key.environment !== environment) {
    throw refused(`${path} holds something else than a key of this kind and environment`)
  }
  if (path !== undefined && former === undefined) await writeSecret(path, key.text)
  return key
}

function explained(cause: unknown, keyId: string, path: string | undefined): unknown {
  if (!(cause instanceof CommandFailure) || cause.kind !== 'dependency') return cause
  const next = path ? 'repeat the same command' : `run "key revoke ${keyId}", then make another key`
  return new CommandFailure('dependency', `${cause.message}; ${next}`)
}

const shown = (key: ApiKey, path: string | undefined) => ({
  text:
    path === undefined
      ? `key ${key.id}\n\n  ${key.text}\n\nThis is the only time it is shown.`
      : `key ${key.id}\nIt is in ${path}; the same command changes nothing.`,
  data: { key: key.id, ...(path === undefined ? { apiKey: key.text } : { file: path }) },
})
