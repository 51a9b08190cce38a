import { stripVTControlCharacters, styleText } from 'node:util'
import { CommandFailure, exitCodes } from './failure.ts'

/** What a command says: to people, to scripts (`--json`), and beside the result (stderr). */
export type Outcome = {
  text: string
  data: Record<string, unknown>
  notes?: string
}

const streams = { out: process.stdout, error: process.stderr }

/** Colour only for a terminal, and not where NO_COLOR is set. */
const paint = (colour: 'green' | 'red' | 'dim', text: string) =>
  styleText(colour, text, { stream: process.stdout })

export const tick = () => paint('green', '✓')
export const cross = () => paint('red', '✗')
export const dim = (text: string) => paint('dim', text)

/** Rows under each other, columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, at) => Math.max(widest[at] ?? 0, widthOf(cell))),
    [],
  )
  return rows
    .map((row) =>
      row.map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n')
}

const widthOf = (cell: string) => stripVTControlCharacters(cell).length

export function print(outcome: Outcome, json: boolean): void {
  streams.out.write(`${json ? JSON.stringify(outcome.data) : outcome.text}\n`)
  if (outcome.notes !== undefined && !json) streams.error.write(`${outcome.notes}\n`)
}

/** A line on what goes on, to stderr, so that stdout holds the result alone. */
export const say = (line: string): void => void streams.error.write(`${line}\n`)

/**
 * Runs a command to its end: prints what came of it and sets the exit code.
 * A failure is one line, or one JSON object, on stderr.
 */
export async function runToEnd(json: boolean, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (cause) {
    const kind = cause instanceof CommandFailure ? cause.kind : 'internal'
    const message = cause instanceof Error ? cause.message : String(cause)
    const exit = cause instanceof CommandFailure ? exitCodes[cause.kind] : 1
    say(json ? JSON.stringify({ error: message, kind, exit }) : `${kind}: ${message}`)
    process.exitCode = exit
  }
}
