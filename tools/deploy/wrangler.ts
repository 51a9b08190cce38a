import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { dependency } from '../cli/failure.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = fileURLToPath(
  new URL('../../node_modules/wrangler/bin/wrangler.js', import.meta.url),
)

/** One call of wrangler; `input` is what its stdin gets and nobody sees. */
export type WranglerCall = { words: string[]; input?: string }

/** What a person would type for the same. */
export const asTyped = ({ words, input }: WranglerCall): string =>
  `wrangler ${words.join(' ')}${input === undefined ? '' : ' (names and values on stdin)'}`

/** Where the Worker of an environment lives: test and live never replace each other. */
export const workerName = (environment: string) => `payos-x402-edge-${environment}`

export const secretsCall = (worker: string, secrets: Record<string, string>): WranglerCall => ({
  words: ['secret', 'bulk', '--name', worker],
  input: JSON.stringify(secrets),
})

export function deployCall(
  worker: string,
  { vars, domain, bundleOnly }: { vars: Values; domain: string; bundleOnly: boolean },
): WranglerCall {
  const pairs = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  const how = bundleOnly ? ['--dry-run', '--outdir', 'dist/deploy'] : []
  const words = ['deploy', '--name', worker, '--minify', '--domain', domain, ...pairs, ...how]
  return { words }
}

type Values = Record<string, string>

export const rollbackCall = (worker: string, version: string | undefined): WranglerCall => ({
  words: [
    'rollback',
    ...(version === undefined ? [] : [version]),
    ...['--name', worker, '--message', 'npm run deploy -- --rollback code', '--yes'],
  ],
})

/** Runs wrangler in the project and returns what it printed. */
export async function runWrangler(call: WranglerCall): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, ...call.words], {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', CI: '1' },
  })
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  child.stdin.on('error', () => undefined).end(call.input ?? '')
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)])
  if ((await exit) === 0) return out
  const told = `${error}\n${out}`.split('\n').find((line) => /error/i.test(line)) ?? ''
  throw dependency(`${call.words[0]} failed in wrangler: ${told.trim() || 'no reason given'}`)
}
