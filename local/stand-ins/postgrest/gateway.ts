import type { StandInAnswer, StandInRequest } from '../server.ts'
import { answerOf, optionsAnswer } from './answer.ts'
import { type Call, type Exposed, readCall } from './call.ts'
import { type Caller, type CallerOptions, callerOf, platformRefusal } from './caller.ts'
import type { ApiFunction, RoleSettings } from './catalog.ts'
import { chooseFunction } from './choose.ts'
import { failureAnswer, Refusal } from './failure.ts'
import { formatFor } from './media-type.ts'
import type { Pool } from './pool.ts'
import { demandKnown } from './preferences.ts'
import type { SchemaCache } from './schema-cache.ts'
import { beginStatement, callStatement, quoteName, settingsStatement } from './statements.ts'
import { transact } from './transaction.ts'

export type Gateway = {
  callers: CallerOptions
  exposed: Exposed
  extraSearchPath: readonly string[]
  cache: SchemaCache
  pool: Pool
}

/** Answers one request: who, what, which function, one transaction. */
export async function serveCall(gateway: Gateway, request: StandInRequest): Promise<StandInAnswer> {
  const refused = platformRefusal(request, gateway.callers)
  if (refused) return refused
  try {
    const caller = callerOf(request, gateway.callers)
    const { functions, roles } = gateway.cache.snapshot
    const call = readCall(request, gateway.exposed)
    return await perform(gateway, { call, caller, functions, roles })
  } catch (cause) {
    if (cause instanceof Refusal) return failureAnswer(cause.failure)
    throw cause
  }
}

type Work = {
  call: Call
  caller: Caller
  functions: readonly ApiFunction[]
  roles: Record<string, RoleSettings>
}

async function perform(gateway: Gateway, work: Work): Promise<StandInAnswer> {
  const { call, caller, functions, roles } = work
  const posted = call.method === 'POST'
  const wanted = { schema: call.schema, name: call.name, keys: call.arguments.keys, posted }
  const choice = chooseFunction(functions, wanted)
  const called = choice.function
  if (call.method === 'OPTIONS') return optionsAnswer(called)

  const format = formatFor(call.headers['accept'])
  demandKnown(call.preferences)
  const role = roles[caller.role]
  const row = await transact(gateway.pool, {
    begin: beginStatement({ function: called, role, posted }),
    settings: settingsStatement(settingsOf({ gateway, call, caller, called, role })),
    call: callStatement(choice, call.arguments, format.singular),
    rollback: call.preferences.rollback,
    singular: format.singular,
    anonymous: caller.anonymous,
  })
  return answerOf({ call, function: called, format, row })
}

type Setting = readonly [string, string]
type Scene = {
  gateway: Gateway
  call: Call
  caller: Caller
  called: ApiFunction
  role: RoleSettings | undefined
}

/** The order matters: the role's own settings are set while the login still may. */
function settingsOf({ gateway, call, caller, called, role }: Scene): Setting[] {
  const { cookie, ...headers } = call.headers
  const { timezone } = call.preferences
  return [
    ['search_path', [call.schema, ...gateway.extraSearchPath].map(quoteName).join(', ')],
    ...(role?.settings ?? []),
    ['role', caller.role],
    ['request.jwt.claims', JSON.stringify(caller.claims)],
    ['request.method', call.method],
    ['request.path', call.path],
    ['request.headers', JSON.stringify(headers)],
    ['request.cookies', JSON.stringify(cookiesIn(cookie))],
    ...(timezone ? [['timezone', timezone] as const] : []),
    ...called.settings,
  ]
}

function cookiesIn(header: string | undefined): Record<string, string> {
  const pairs = header?.split(';').map((pair) => pair.trim().split(/=(.*)/s)) ?? []
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]))
}
