import type { StandInRequest } from '../server.ts'
import { type Arguments, bodyArguments, queryArguments } from './arguments.ts'
import { Refusal, unsupported } from './failure.ts'
import { type Preferences, preferencesOf } from './preferences.ts'

type Method = 'GET' | 'HEAD' | 'POST' | 'OPTIONS'

/** A request as PostgREST understands it, before it looks for a function. */
export type Call = {
  method: Method
  /** Behind the platform's prefix. */
  path: string
  schema: string
  /** The answer names the schema: one was asked for, or there are several. */
  namesSchema: boolean
  name: string
  arguments: Arguments
  preferences: Preferences
  headers: Record<string, string>
}

const PLATFORM_PREFIX = /^\/rest\/v1(?=\/|$)/

/** The request's path without the prefix that the hosted platform's gateway takes off. */
export const pathOf = (request: StandInRequest): string =>
  request.url.pathname.replace(PLATFORM_PREFIX, '') || '/'

export const isBehindPlatform = (request: StandInRequest): boolean =>
  PLATFORM_PREFIX.test(request.url.pathname)

/** The function a path names, if it has the form of one: `/rpc/{name}`. */
export function functionNameIn(path: string): string | undefined {
  const [, rpc, name, ...more] = path.split('/').map(decoded)
  return rpc === 'rpc' && name !== undefined && more.length === 0 ? name : undefined
}

export type Exposed = { schemas: readonly string[]; allowRollback: boolean }

/** Reads a call, or refuses in the order PostgREST would. */
export function readCall(request: StandInRequest, exposed: Exposed): Call {
  const path = pathOf(request)
  const name = resourceIn(path)
  const { schema, namesSchema } = schemaOf(request, exposed.schemas)
  const method = methodOf(request.method)
  return {
    method,
    path,
    schema,
    namesSchema,
    name,
    arguments: method === 'POST' ? bodyArguments(request) : queryArguments(request),
    preferences: preferencesOf(request.headers['prefer'], exposed.allowRollback),
    headers: request.headers,
  }
}

function resourceIn(path: string): string {
  const name = functionNameIn(path)
  if (name !== undefined) return name
  const segments = path.split('/').length - 1
  if (segments === 1) throw unsupported(path === '/' ? 'the OpenAPI root' : 'table routes')
  throw new Refusal({
    status: 404,
    code: 'PGRST125',
    message: 'Invalid path specified in request URL',
  })
}

function schemaOf({ method, headers }: StandInRequest, schemas: readonly string[]) {
  const writes = ['POST', 'PATCH', 'PUT', 'DELETE'].includes(method)
  const profile = headers[writes ? 'content-profile' : 'accept-profile']
  if (profile === undefined) return { schema: schemas[0] ?? '', namesSchema: schemas.length !== 1 }
  if (schemas.includes(profile)) return { schema: profile, namesSchema: true }
  throw new Refusal({
    status: 406,
    code: 'PGRST106',
    message: `Invalid schema: ${profile}`,
    hint: `Only the following schemas are exposed: ${schemas.join(', ')}`,
  })
}

function methodOf(method: string): Method {
  if (method === 'GET' || method === 'HEAD' || method === 'POST' || method === 'OPTIONS') {
    return method
  }
  throw new Refusal({
    status: 405,
    code: 'PGRST101',
    message: `Cannot use the ${method} method on RPC`,
  })
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
