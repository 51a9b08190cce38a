import { decodeJwt, importJWK, type JWK, SignJWT } from 'jose'
import { usage } from './failure.ts'
import { jsonIn } from './json.ts'

/** Who may do what in the database; each role's token and the name it is kept under. */
export const tokenNames = {
  x402_edge: 'EDGE_DATABASE_TOKEN',
  x402_drain: 'DRAIN_DATABASE_TOKEN',
  x402_operator: 'OPERATOR_TOKEN',
} as const

export type Role = keyof typeof tokenNames

export const roles = Object.keys(tokenNames) as Role[]

/** How long a token is good for unless told otherwise, in days. */
export const TOKEN_DAYS = 30

const DAY_SECONDS = 86_400

/** What signs role tokens: the project's shared secret, or a private JWK it can verify. */
export type RoleSigner = { secret: string } | { jwk: JWK }

const algorithms: Record<string, string> = { EC: 'ES256', RSA: 'RS256', OKP: 'EdDSA', oct: 'HS256' }

/** Reads a signer from what the environment or a file says; neither is ever repeated. */
export function roleSignerOf(given: {
  secret: string | undefined
  jwk: string | undefined
}): RoleSigner {
  if (given.jwk !== undefined) return { jwk: parseJwk(given.jwk) }
  if (given.secret === undefined) {
    throw usage('nothing signs tokens: give SUPABASE_JWT_JWK or SUPABASE_JWT_SECRET')
  }
  const secret = given.secret.trim()
  if (secret.length < 32) throw usage('the shared secret is shorter than 32 characters')
  return { secret }
}

function parseJwk(text: string): JWK {
  const jwk = parseObject(text)
  const isPrivate = jwk['d'] !== undefined || jwk['k'] !== undefined
  if (algorithms[String(jwk['kty'])] === undefined || !isPrivate) {
    throw usage('the signing key is a private JWK of kty EC, RSA, OKP or oct')
  }
  if (jwk['kty'] !== 'oct' && typeof jwk['kid'] !== 'string') {
    throw usage('the signing key has no kid, so the project could not tell which key signed')
  }
  return jwk
}

function parseObject(text: string): Record<string, unknown> {
  const value = jsonIn(text)
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw usage('the signing key is not a JSON object')
}

/** Signs one token per role, each for that role alone. */
export async function mintRoleTokens(
  signer: RoleSigner,
  life: { nowSeconds: number; days: number },
): Promise<Record<Role, string>> {
  const { header, key } = await signingPartsOf(signer)
  const mint = (role: Role) =>
    new SignJWT({ role })
      .setProtectedHeader(header)
      .setIssuedAt(life.nowSeconds)
      .setExpirationTime(life.nowSeconds + life.days * DAY_SECONDS)
      .sign(key)
  const [x402_edge, x402_drain, x402_operator] = await Promise.all([
    mint('x402_edge'),
    mint('x402_drain'),
    mint('x402_operator'),
  ])
  return { x402_edge, x402_drain, x402_operator }
}

async function signingPartsOf(signer: RoleSigner) {
  if ('secret' in signer) {
    const key = new TextEncoder().encode(signer.secret)
    return { header: { alg: 'HS256', typ: 'JWT' }, key }
  }
  const { jwk } = signer
  const alg = jwk.alg ?? algorithms[jwk.kty ?? ''] ?? ''
  const key = await importJWK(jwk, alg).catch(() => {
    throw usage(`the signing key is no usable ${alg} key`)
  })
  return { header: { alg, typ: 'JWT', ...(jwk.kid && { kid: jwk.kid }) }, key }
}

export type TokenLife = { role: string; expiresAt: number; daysLeft: number }

/** Whose a token is and how long it lasts, without a look at its signature; nothing for no JWT. */
export function tokenLife(token: string, nowSeconds: number): TokenLife | undefined {
  try {
    const { role, exp } = decodeJwt(token)
    if (typeof role !== 'string' || exp === undefined) return undefined
    return { role, expiresAt: exp, daysLeft: Math.ceil((exp - nowSeconds) / DAY_SECONDS) }
  } catch {
    return undefined
  }
}
