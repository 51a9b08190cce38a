import { ed25519SecretOf, hmacSecretOf, verifierOf } from '../../shared/domain/webhook-signature.ts'
import { type WebhookUrlTerms, webhookUrlFault } from '../../shared/domain/webhook-url.ts'
import { isoSeconds } from '../../shared/protocol/pay.ts'
import type { Arguments, Options } from '../cli/arguments.ts'
import { refused, usage } from '../cli/failure.ts'
import { readIfThere, writeSecret } from '../cli/files.ts'
import { makeKeyPair } from '../cli/key-pair.ts'
import { table } from '../cli/output.ts'
import type { Command, Session } from './command.ts'

const holderOptions: Options = {
  provider: { value: 'UUID', help: 'the provider it is of' },
  owner: { value: 'UUID', help: 'or the owner it is of' },
}

const secretOptions: Options = {
  ed25519: { help: 'a key pair, of which the receiver gets the public half; default: shared' },
  out: {
    value: 'FILE',
    help: 'keep the secret there (mode 600); a file that exists has it already',
    required: true,
  },
}

export const webhookPut: Command = {
  name: 'webhook put',
  does: 'Tell a provider or an owner what happens, at an address of theirs; or pause, move, resume.',
  example:
    'webhook put --provider 40000000-0000-4000-8000-000000000001' +
    ' --url https://api.example/payos --out hook.secret',
  options: {
    ...holderOptions,
    url: {
      value: 'URL',
      help: 'https, a public name, nothing in it but path and query; not the edge (ISSUER) itself',
      required: true,
    },
    status: { value: 'active|paused', help: 'events wait while it is paused; default active' },
    ...secretOptions,
  },
  async run(session) {
    const { arguments: given } = session
    const holder = holderIn(given)
    const url = given.text('url')
    const fault = webhookUrlFault(url, await termsOf(session))
    if (fault) throw usage(`--url is not taken (${fault}); docs/webhooks.md says what is`)
    const status = given.choice('status', ['active', 'paused'])
    const secret = await secretFor(session)
    await session.call('put_x402_webhook', { holder_id: holder, url, secret, status })
    return told(holder, secret, `${url} is told what happens`)
  },
}

export const webhookRotate: Command = {
  name: 'webhook rotate',
  does: 'Replace the secret of a webhook: the new one signs at once, the old one beside it for a while.',
  example: 'webhook rotate --provider 40000000-0000-4000-8000-000000000001 --out new.secret',
  options: {
    ...holderOptions,
    overlap: {
      value: 'SECONDS',
      help: 'how long the old one still signs; default 86400, 0 ends it',
    },
    all: { help: 'end secrets of the other kind too; default: of the same kind' },
    ...secretOptions,
  },
  async run(session) {
    const { arguments: given } = session
    const holder = holderIn(given)
    const overlap = given.whole('overlap', 86_400, { min: 0 })
    const secret = await secretFor(session)
    await session.call('put_x402_webhook_secret', {
      holder_id: holder,
      secret,
      overlap_seconds: overlap,
      scheme: given.flag('all') ? 'all' : 'same',
    })
    return told(holder, secret, `the old one ends in ${overlap} seconds`)
  },
}

export const webhookRemove: Command = {
  name: 'webhook remove',
  does: 'Tell them nothing more. What waited is gone; to keep it, pause instead.',
  example: 'webhook remove --provider 40000000-0000-4000-8000-000000000001',
  options: holderOptions,
  async run(session) {
    const holder = holderIn(session.arguments)
    const found = await session.call('remove_x402_webhook', { holder_id: holder })
    if (found !== true) throw refused(`${holder} has no webhook`)
    return { text: `${holder} is told nothing more`, data: { webhook: holder, removed: true } }
  },
}

export const webhookShow: Command = {
  name: 'webhook show',
  does: 'Show each webhook: what waits, what is dead, delivery rate and lag of the last day.',
  example: 'webhook show',
  options: {},
  async run(session) {
    const webhooks = (await session.call('get_x402_webhooks')) as Figures[]
    const rows = webhooks.map((it) => [
      it.holder_id,
      it.reason ?? (it.failing_since ? 'failing' : it.status),
      `${it.waiting} waiting, ${it.oldest_seconds ?? 0} s`,
      `${it.dead} dead`,
      it.delivery_rate === null ? 'none sent' : `${(it.delivery_rate * 100).toFixed(2)} %`,
      `lag ${it.lag_seconds.p50 ?? 0} s, p95 ${it.lag_seconds.p95 ?? 0} s`,
      it.url,
    ])
    return { text: rows.length > 0 ? table(rows) : 'nobody has a webhook', data: { webhooks } }
  },
}

type Figures = {
  holder_id: string
  url: string
  status: string
  reason: string | null
  failing_since: string | null
  waiting: number
  oldest_seconds: number | null
  dead: number
  delivery_rate: number | null
  lag_seconds: { p50: number | null; p95: number | null }
}

export const webhookEvents: Command = {
  name: 'webhook events',
  does: 'List events of one webhook, oldest first: dead ones, those that wait, or delivered ones.',
  example: 'webhook events --provider 40000000-0000-4000-8000-000000000001 --state dead',
  options: {
    ...holderOptions,
    state: { value: 'dead|pending|delivered', help: 'default dead' },
    most: { value: 'COUNT', help: 'default 100' },
  },
  async run(session) {
    const { arguments: given } = session
    const most = given.whole('most', 100)
    const events = (await session.call('get_x402_events', {
      holder_id: holderIn(given),
      state: given.choice('state', ['dead', 'pending', 'delivered']),
      most,
    })) as Record<string, string>[]
    const rows = events.map((it) =>
      [
        it['event_id'],
        it['kind'],
        it['happened_at'],
        `attempt ${it['attempt']}`,
        it['last_answer'],
      ].map((cell) => cell ?? ''),
    )
    return { text: rows.length > 0 ? table(rows) : 'there are none', data: { events } }
  },
}

export const webhookReplay: Command = {
  name: 'webhook replay',
  does: 'Send events again: one, or those that happened in a range. Their ids stay the same.',
  example:
    'webhook replay --provider 40000000-0000-4000-8000-000000000001 --since 2026-11-20T12:00:00Z',
  options: {
    ...holderOptions,
    event: { value: 'UUID', help: 'the one event' },
    since: { value: 'WHEN', help: 'or all from then on, by when they happened' },
    until: { value: 'WHEN', help: 'and before then' },
    state: { value: 'dead|delivered|all', help: 'which of them; default dead' },
  },
  async run(session) {
    const { arguments: given, nowSeconds } = session
    if (given.optional('event') === undefined && given.optional('since') === undefined) {
      throw usage('give --event or --since')
    }
    const moment = (name: string) =>
      given.optional(name) === undefined ? null : isoSeconds(given.moment(name, nowSeconds))
    const replayed = Number(
      await session.call('replay_x402_events', {
        holder_id: holderIn(given),
        event_id: given.optional('event') === undefined ? null : given.id('event'),
        since: moment('since'),
        until: moment('until'),
        state: given.choice('state', ['dead', 'delivered', 'all']),
      }),
    )
    return { text: `${replayed} events are due again`, data: { replayed } }
  },
}

/** The terms the edge judges an address by again, at each attempt. */
async function termsOf(session: Session): Promise<WebhookUrlTerms> {
  const { environment, issuer } = await session.target()
  if (issuer === undefined) {
    throw usage('a webhook needs ISSUER in the environment: the edge itself is told nothing')
  }
  return { ownHost: new URL(issuer).hostname, allowLoopbackHttp: environment === 'test' }
}

function holderIn(given: Arguments): string {
  const [provider, owner] = [given.optional('provider'), given.optional('owner')]
  if ((provider === undefined) === (owner === undefined)) {
    throw usage('give one of --provider and --owner')
  }
  return given.id(provider === undefined ? 'owner' : 'provider')
}

/** A new secret, in its file before the ledger hears of it; or the one a former try left there. */
async function secretFor(session: Session): Promise<string> {
  const path = session.arguments.text('out')
  const former = (await readIfThere(path))?.trim()
  if (former !== undefined && verifierOf(former) === undefined) {
    throw refused(`${path} holds something else than a webhook's secret`)
  }
  if (former !== undefined) return former
  const secret = session.arguments.flag('ed25519')
    ? ed25519SecretOf(await makeKeyPair())
    : hmacSecretOf(crypto.getRandomValues(new Uint8Array(32)))
  await writeSecret(path, secret)
  return secret
}

/** What the receiver needs is shown when it is public, and in the file when it is not. */
function told(holder: string, secret: string, fact: string) {
  const verifier = verifierOf(secret) ?? ''
  const isPublic = verifier !== secret
  const next = isPublic
    ? `the receiver verifies with ${verifier}`
    : 'the receiver verifies with what is in the file: hand it over as a secret'
  return {
    text: `webhook of ${holder}: ${fact}\n${next}`,
    data: { webhook: holder, ...(isPublic && { publicKey: verifier }) },
  }
}
