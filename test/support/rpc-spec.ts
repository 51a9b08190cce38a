import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import connect from 'postgres'
import {
  type PostgrestOptions,
  type PostgrestStandIn,
  startPostgrest,
} from '../../local/stand-ins/postgrest/index.ts'

const FIXTURES = new URL('../conformance/postgrest-fixtures.sql', import.meta.url)

export const JWT_SECRET = 'a secret of the specs, longer than thirty-two bytes'

/** Puts the functions of the RPC specs into a database, as its owner. */
export async function applyFixtures(ownerUrl: string): Promise<void> {
  const sql = connect(ownerUrl, { max: 1, onnotice: () => undefined })
  await sql.unsafe(await readFile(FIXTURES, 'utf8'))
  await sql.end()
}

/** A PostgREST stand-in over the specs' schemas. */
export function startRpcSpec(
  databaseUrl: string,
  options: Partial<PostgrestOptions> = {},
): Promise<PostgrestStandIn> {
  const schemas = ['rpc_spec', 'rpc_spec_other']
  return startPostgrest({ databaseUrl, jwtSecret: JWT_SECRET, schemas, ...options })
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A role token with these claims, signed with a shared secret. */
export function mintToken(
  claims: Record<string, unknown>,
  { secret = JWT_SECRET, kid }: { secret?: string; kid?: string } = {},
): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${encode(claims)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export type RpcAnswer = { status: number; headers: Headers; body: unknown }

/** Calls a function as `authenticated`, unless the headers say otherwise. */
export async function callRpc(
  base: string,
  name: string,
  { args = {}, headers = {} }: { args?: object; headers?: Record<string, string> } = {},
): Promise<RpcAnswer> {
  const response = await fetch(`${base}/rpc/${name}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${mintToken({ role: 'authenticated' })}`,
      ...headers,
    },
    body: JSON.stringify(args),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : JSON.parse(text),
  }
}
