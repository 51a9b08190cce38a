/** Colours texts for a terminal whose user did not ask for none (`NO_COLOR`, not empty). */
export const painter =
  (isTerminal: boolean | undefined, noColor = '') =>
  (code: number, text: string): string =>
    isTerminal === true && noColor === '' ? `\u001b[${code}m${text}\u001b[0m` : text

// Steps go to stderr and results to stdout: where either is a file, nothing is coloured.
const isTerminal = process.stdout.isTTY && process.stderr.isTTY
const paint = painter(isTerminal, process.env['NO_COLOR'])

export const tick = paint(32, '✓')
export const cross = paint(31, '✗')
export const dim = (text: string) => paint(2, text)

/** What a command says: to people, and to scripts (`--json`). */
export type Outcome = { text: string; data: Record<string, unknown> }

/** Names and values under each other. */
export const listed = (facts: Record<string, unknown>): string =>
  Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name.padEnd(12)} ${wordOf(value)}`)
    .join('\n')

const wordOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** A unix time as people read it. */
export const moment = (seconds: unknown): string =>
  typeof seconds === 'number' ? `${seconds}  ${new Date(seconds * 1000).toISOString()}` : '–'
