import connect, { type Sql } from 'postgres'

/**
 * One connection for administration: several statements per call, notices unheard, no prepared
 * statements (a pooler in between may not keep them). Beyond loopback it is encrypted where the
 * server can; `sslmode` in the address decides otherwise.
 */
function openAdmin(databaseUrl: string): Sql {
  const { hostname, searchParams } = new URL(databaseUrl)
  const near = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  const ssl = near || searchParams.has('sslmode') ? {} : { ssl: 'prefer' as const }
  return connect(databaseUrl, { max: 1, prepare: false, onnotice: () => {}, ...ssl })
}

/** Runs `work` on such a connection and closes it. */
export async function withAdmin<Result>(
  databaseUrl: string,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  const sql = openAdmin(databaseUrl)
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** The error a SQL file failed with, with the file and line in front of its message. */
export function errorInFile(cause: unknown, file: { path: string; text: string }): Error {
  if (!(cause instanceof Error)) return new Error(`${file.path}: ${String(cause)}`)
  const { position, where, hint } = cause as Error & Record<'position' | 'where' | 'hint', unknown>
  const before = file.text.slice(0, Number(position ?? 1) - 1)
  const line = position === undefined ? '' : `:${before.split('\n').length}`
  const more = [where, hint].filter((part) => typeof part === 'string').map((part) => `\n  ${part}`)
  return new Error(`${file.path}${line}: ${cause.message}${more.join('')}`, { cause })
}
