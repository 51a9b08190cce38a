import { isoSeconds } from '../../shared/protocol/pay.ts'
import { CommandFailure, usage } from '../cli/failure.ts'
import { readSource, writeSecret } from '../cli/files.ts'
import { table } from '../cli/output.ts'
import {
  mintRoleTokens,
  type RoleSigner,
  roleSignerOf,
  roles,
  TOKEN_DAYS,
  tokenLife,
  tokenNames,
} from '../cli/role-tokens.ts'
import { readDevFile } from '../cli/target.ts'
import type { Command, Session } from './command.ts'

export const tokensMint: Command = {
  name: 'tokens mint',
  does: 'Sign the tokens of the three database roles: edge, drain and operator.',
  example: 'tokens mint --jwk signing-key.json --out tokens.env',
  options: {
    jwk: {
      value: 'FILE',
      help: 'the private JWK, with kid, that the project verifies; - is stdin; or SUPABASE_JWT_JWK',
    },
    secret: {
      value: 'FILE',
      help: "or the project's shared HS256 secret; - is stdin; or SUPABASE_JWT_SECRET",
    },
    days: { value: 'COUNT', help: `how long they last, 1 to 30; default ${TOKEN_DAYS}` },
    out: { value: 'FILE', help: 'write NAME=token lines there (mode 600), not to stdout' },
  },
  async run(session) {
    const days = session.arguments.whole('days', TOKEN_DAYS, { max: TOKEN_DAYS })
    const { nowSeconds } = session
    const tokens = await mintRoleTokens(await signerFor(session), { nowSeconds, days })
    const lines = roles.map((role) => `${tokenNames[role]}=${tokens[role]}`).join('\n')
    const expires = isoSeconds(nowSeconds + days * 86_400)
    const path = session.arguments.optional('out')
    const notes = `They expire at ${expires}. Mint the next ones before that; both work meanwhile.`
    if (path === undefined) return { text: lines, notes, data: { expires, tokens } }
    await writeSecret(path, lines)
    return { text: `tokens are in ${path}\n${notes}`, data: { expires, file: path } }
  },
}

export const tokensShow: Command = {
  name: 'tokens show',
  does: 'Show whose each token is and when it expires, never the token. Exit 3 when one has.',
  example: 'tokens show --file tokens.env',
  options: {
    file: {
      value: 'FILE',
      help: 'NAME=token lines; left out: the environment, else .payos/dev.json',
    },
  },
  async run(session) {
    const rows = (await tokensOf(session)).map(([name, token]) => {
      const life = tokenLife(token, session.nowSeconds)
      if (!life) throw usage(`${name} is no token of a role`)
      return { name, ...life }
    })
    if (rows.length === 0) throw usage(`no token is set: ${Object.values(tokenNames).join(', ')}`)
    const expired = rows
      .filter((row) => row.expiresAt <= session.nowSeconds)
      .map(({ name }) => name)
    if (expired.length > 0) throw new CommandFailure('auth', `expired: ${expired.join(', ')}`)
    const cells = rows.map(({ name, role, expiresAt, daysLeft }) => [
      name,
      role,
      isoSeconds(expiresAt),
      `${daysLeft} days${daysLeft < 7 ? ', mint new ones' : ''}`,
    ])
    return {
      text: table([['name', 'role', 'expires', 'left'], ...cells]),
      data: { tokens: rows },
    }
  },
}

async function signerFor(session: Session): Promise<RoleSigner> {
  const { arguments: given } = session
  const [jwk, secret] = [given.optional('jwk'), given.optional('secret')]
  if (jwk !== undefined && secret !== undefined) throw usage('give one of --jwk and --secret')
  if (jwk !== undefined) return roleSignerOf({ jwk: await readSource(jwk), secret: undefined })
  if (secret !== undefined) {
    return roleSignerOf({ jwk: undefined, secret: await readSource(secret) })
  }
  return roleSignerOf({
    jwk: process.env['SUPABASE_JWT_JWK'],
    secret: process.env['SUPABASE_JWT_SECRET'],
  })
}

async function tokensOf(session: Session): Promise<[string, string][]> {
  const path = session.arguments.optional('file')
  if (path !== undefined) return namedTokens(await readSource(path))
  const found = Object.values(tokenNames).flatMap((name): [string, string][] => {
    const token = process.env[name]
    return token === undefined ? [] : [[name, token]]
  })
  if (found.length > 0) return found
  const dev = await readDevFile()
  return dev ? [[tokenNames.x402_operator, dev.operator.token]] : []
}

const namedTokens = (text: string): [string, string][] =>
  text.split('\n').flatMap((line): [string, string][] => {
    const [, name, token] = /^([A-Z_]+)=(\S+)$/.exec(line.trim()) ?? []
    return name === undefined || token === undefined ? [] : [[name, token]]
  })
