import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Figure, Size } from '../scenario.ts'
import type { Machine } from './machine.ts'

/** What a run leaves behind; the form is versioned, so that old runs can be compared with new ones. */
export type Results = {
  version: 1
  at: string
  size: Size
  seconds: number
  machine: Machine
  figures: Figure[]
  failures: { scenario: string; message: string }[]
}

export async function writeResults(path: string, results: Results): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`)
}

/** Reads the results of a run; throws when the file is of another form. */
export async function readResults(path: string): Promise<Results> {
  const results = JSON.parse(await readFile(path, 'utf8')) as Results
  if (results.version !== 1) throw new Error(`${path} holds results of another form`)
  return results
}
