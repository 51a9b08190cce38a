import { errorInFile } from '../../local/database/connect.ts'
import { openDatabase } from './postgres.ts'
import { readTap, type TapReport } from './tap.ts'

/**
 * Runs a file of pgTAP assertions in a database of its own, inside one transaction, with pgTAP
 * where the Supabase CLI has it: in the schema `extensions`, found without being named.
 *
 * @throws when a statement fails, with the file and line
 */
export async function runPgtap(file: { path: string; text: string }): Promise<TapReport> {
  const database = await openDatabase()
  const session = await database.sql.reserve()
  try {
    await session.unsafe(`
      create schema if not exists extensions;
      create extension pgtap with schema extensions;
      set search_path = "$user", public, extensions;
    `)
    await session`begin`
    const results = await session.unsafe(file.text).catch((cause: unknown) => {
      throw errorInFile(cause, file)
    })
    return readTap(texts(results).flatMap((text) => text.split('\n')))
  } finally {
    session.release()
    await database.close()
  }
}

/** Every text in the answer to one or several statements, in order. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value === null || typeof value !== 'object') return []
  return Object.values(value).flatMap(texts)
}
