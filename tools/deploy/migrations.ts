import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { pendingMigrations } from '../../local/database.ts'
import { refused, usage } from '../cli/failure.ts'

const DIRECTORY = fileURLToPath(new URL('../../supabase/migrations/', import.meta.url))

/** A migration as its own header describes it. */
export type Described = { version: string; name: string; header: string }

/** The migrations a deployment would apply, with what they say of themselves. */
export async function describePending(databaseUrl: string): Promise<Described[]> {
  const pending = await pendingMigrations(databaseUrl).catch((cause: unknown) => {
    throw refused(cause instanceof Error ? messageOf(cause) : String(cause))
  })
  return Promise.all(
    pending.map(async ({ version, name }) => ({
      version,
      name,
      header: headerOf(await readFile(`${DIRECTORY}${version}_${name}.sql`, 'utf8')),
    })),
  )
}

/** Some network errors have an empty message and several causes. */
const messageOf = (cause: Error) =>
  cause.message || (cause instanceof AggregateError ? String(cause.errors[0]?.message) : cause.name)

/** The comment a file begins with, without its marks. */
export function headerOf(text: string): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('--'))
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .map((line) => line.slice(2).trim())
    .join('\n')
}

/** The part of a header that says how to take the migration back. */
export function undoOf(header: string): string | undefined {
  const [, undo] = /^Undo:\s*([\s\S]*)$/m.exec(header) ?? []
  return undo?.replaceAll('\n', ' ').trim()
}

/** How to take one migration back by hand: newer ones, then its undo note, then its record. */
export async function rollbackNote(wanted: string): Promise<string> {
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith('.sql')).sort()
  const found = files.filter((file) => file.startsWith(wanted) || file.includes(`_${wanted}`))
  const [file] = found
  if (file === undefined || found.length > 1) {
    throw usage(`"${wanted}" is no migration; there are: ${files.map(nameOf).join(', ')}`)
  }
  const header = headerOf(await readFile(DIRECTORY + file, 'utf8'))
  const newer = files.filter((other) => other > file).map(nameOf)
  const version = file.slice(0, 14)
  return [
    `${nameOf(file)}\n`,
    header,
    '\nHow:',
    '  1. Take a backup, and stop the edge from paying: take its hostname off the Worker.',
    newer.length > 0
      ? `  2. Take back what was applied after it, newest first: ${newer.reverse().join(', ')}`
      : '  2. It is the newest: nothing comes before it.',
    '  3. In one transaction, as the owner of the schemas (psql --single-transaction):',
    `       ${undoOf(header) ?? 'its header has no undo note'}`,
    `       delete from supabase_migrations.schema_migrations where version = '${version}';`,
    '  4. Give the Worker its hostname again, and ask it: npm run smoke -- URL',
    '\nThe statements in full: docs/runbook.md. A dropped table takes its rows with it: once there',
    'are payments, write a migration that goes forward instead.',
  ].join('\n')
}

const nameOf = (file: string) => file.replace(/\.sql$/, '')
