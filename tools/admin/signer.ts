import * as z from 'zod'
import { PublicJwk, thumbprint } from '../../shared/domain/pay-signature.ts'
import { refused, usage } from '../cli/failure.ts'
import { readIfThere, readSource, writeSecret } from '../cli/files.ts'
import { jsonIn } from '../cli/json.ts'
import { makeKeyPair } from '../cli/key-pair.ts'
import type { Command, Session } from './command.ts'

const agentOption = { value: 'UUID', help: 'which agent', required: true }

export const signerNew: Command = {
  name: 'signer new',
  does: 'Make a key an agent signs payments with. From the first one on, it must sign all.',
  example: 'signer new --agent 20000000-0000-4000-8000-000000000001 --out signer.json',
  options: {
    agent: agentOption,
    out: {
      value: 'FILE',
      help: 'write the private JWK there (mode 600) instead; a file that exists is the key',
    },
  },
  endsLeases: true,
  async run(session) {
    const path = session.arguments.optional('out')
    const agent = session.arguments.id('agent')
    const { privateJwk, name } = await pairFor(path)
    await register(session, { agent, thumbprint: name })
    return {
      text:
        path === undefined
          ? `signer ${name}\n\n  ${JSON.stringify(privateJwk)}\n\nIt is shown this once.`
          : `signer ${name}\nIts private part is in ${path}; the same command changes nothing.`,
      data: { signer: name, ...(path === undefined ? { privateJwk } : { file: path }) },
    }
  },
}

export const signerAdd: Command = {
  name: 'signer add',
  does: 'Register the public key of a pair that the agent made itself.',
  example: 'signer add --agent 20000000-0000-4000-8000-000000000001 --jwk public.json',
  options: {
    agent: agentOption,
    jwk: {
      value: 'FILE',
      help: 'the public JWK: exactly kty, crv and x; - is stdin',
      required: true,
    },
  },
  endsLeases: true,
  async run(session) {
    const agent = session.arguments.id('agent')
    const read = PublicJwk.safeParse(jsonIn(await readSource(session.arguments.text('jwk'))))
    if (!read.success) {
      throw usage('--jwk is an Ed25519 public JWK with exactly kty, crv and x, never d')
    }
    const name = await thumbprint(read.data)
    await register(session, { agent, thumbprint: name })
    return {
      text: `signer ${name}\nThe same command changes nothing.`,
      data: { signer: name },
    }
  },
}

export const signerRevoke: Command = {
  name: 'signer revoke',
  does: 'Revoke a signing key, at once. The agent must still sign, with another one.',
  example:
    'signer revoke --agent 20000000-0000-4000-8000-000000000002' +
    ' --thumbprint UD03HaZ-Z7VDn3AYhqpvm7G2TInAaKYC3nz8Vb4pdCk',
  options: {
    agent: agentOption,
    thumbprint: { value: 'TEXT', help: 'RFC 7638 name of the key', required: true },
  },
  endsLeases: true,
  async run(session) {
    const [agent, name] = [session.arguments.id('agent'), session.arguments.text('thumbprint')]
    if (!/^[A-Za-z0-9_-]{43}$/.test(name)) throw usage('--thumbprint has 43 base64url characters')
    await register(session, { agent, thumbprint: name, revoked: true })
    return { text: `signer ${name} is revoked`, data: { signer: name, revoked: true } }
  },
}

type Signer = { agent: string; thumbprint: string; revoked?: boolean }

async function register(session: Session, { agent, ...signer }: Signer): Promise<void> {
  await session.call('put_x402_signer', { agent_id: agent, ...signer })
}

const PrivateJwk = z.object({ ...PublicJwk.shape, d: z.string().length(43) })

/** A new pair, in the file before the ledger hears of it; or the one a former try left there. */
async function pairFor(path: string | undefined) {
  const former = path === undefined ? undefined : await readIfThere(path)
  if (former !== undefined) {
    const read = PrivateJwk.safeParse(jsonIn(former))
    if (!read.success) throw refused(`${path} holds something else than an Ed25519 private JWK`)
    const { d: _, ...publicJwk } = read.data
    return { privateJwk: read.data, name: await thumbprint(publicJwk) }
  }
  const pair = await makeKeyPair()
  const privateJwk = { kty: 'OKP', crv: 'Ed25519', x: pair.x, d: pair.d }
  if (path !== undefined) await writeSecret(path, JSON.stringify(privateJwk))
  return { privateJwk, name: pair.thumbprint }
}
