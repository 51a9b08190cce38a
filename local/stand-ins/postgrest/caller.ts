import { json, type StandInAnswer, type StandInRequest } from '../server.ts'
import { isBehindPlatform } from './call.ts'
import { Refusal } from './failure.ts'
import type { Claims, TokenVerifier } from './token.ts'

/** Who a request speaks for: a database role, and the claims its functions may read. */
export type Caller = { role: string; claims: Claims; anonymous: boolean }

export type CallerOptions = {
  verifier: TokenVerifier
  /** Opaque project keys and the role each stands for. Empty: the platform asks for none. */
  apiKeys: Record<string, string>
  anonymousRole: string | null
}

const PROJECT_ROLES = ['anon', 'service_role']

/**
 * What the hosted platform's gateway answers before PostgREST hears of a request, if it does.
 *
 * It wants one of the project's own keys in `apikey`; a role token is not one, whoever signed it.
 */
export function platformRefusal(
  request: StandInRequest,
  options: CallerOptions,
): StandInAnswer | undefined {
  if (!isBehindPlatform(request) || Object.keys(options.apiKeys).length === 0) return undefined
  const key = request.headers['apikey']
  if (key === undefined) {
    return json(401, {
      message: 'No API key found in request',
      hint: 'No `apikey` request header or url param was found.',
    })
  }
  if (key in options.apiKeys || isProjectToken(key, options.verifier)) return undefined
  return json(401, {
    message: 'Invalid API key',
    hint: 'Double check your Supabase `anon` or `service_role` API key.',
  })
}

/** The caller by the bearer token, else by the key, else nobody in particular. */
export function callerOf(request: StandInRequest, options: CallerOptions): Caller {
  const { verifier, anonymousRole } = options
  const platform = isBehindPlatform(request)
  const bearer = bearerIn(request.headers['authorization'])
  const credential = platform ? (bearer ?? request.headers['apikey']) : bearer
  const keyRole = platform && credential !== undefined ? options.apiKeys[credential] : undefined
  const claims = keyRole !== undefined ? { role: keyRole } : claimsIn(credential, verifier)
  const role = claims['role'] === undefined ? anonymousRole : roleText(claims['role'])
  if (role === null) throw anonymousDisabled()
  return { role, claims: { ...claims, role }, anonymous: role === anonymousRole }
}

const claimsIn = (token: string | undefined, verifier: TokenVerifier): Claims =>
  token === undefined ? {} : verifier.claimsOf(token)

const roleText = (role: unknown) => (typeof role === 'string' ? role : JSON.stringify(role))

function bearerIn(authorization: string | undefined): string | undefined {
  const [scheme = '', ...rest] = authorization?.split(/\s/) ?? []
  return scheme.toLowerCase() === 'bearer' ? rest.join(' ').trim() : undefined
}

function isProjectToken(key: string, verifier: TokenVerifier): boolean {
  try {
    return PROJECT_ROLES.includes(String(verifier.claimsOf(key)['role']))
  } catch (cause) {
    if (cause instanceof Refusal) return false
    throw cause
  }
}

const anonymousDisabled = () =>
  new Refusal({
    status: 401,
    code: 'PGRST302',
    message: 'Anonymous access is disabled',
    headers: { 'www-authenticate': 'Bearer' },
  })
