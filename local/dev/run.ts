import { PostgresInUse } from '../postgres.ts'
import { payOnce } from './demo.ts'
import { type DevOptions, HELP, readOptions, UsageError } from './options.ts'
import { showCall, showNext, showStack } from './report.ts'
import { Screen } from './screen.ts'
import { readServices } from './services.ts'
import type { Stack } from './stack.ts'
import { DATA_DIR, findRunning, removeDevFile, writeDevFile } from './state.ts'

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const SAME_ORDER_MS = 1_000

/** Runs `npm run dev` to its end, and ends the process. */
export async function run(): Promise<void> {
  const stops: (() => Promise<void>)[] = []
  let endingSince: number | undefined
  const end = async (code: number) => {
    endingSince = performance.now()
    for (const stop of stops.reverse()) await stop().catch(complain)
    process.exit(code)
  }
  const order = async () => {
    // Told again: go at once. Postgres and workerd end when this process does.
    if (endingSince !== undefined) {
      if (performance.now() - endingSince > SAME_ORDER_MS) process.exit(130)
      return
    }
    process.stderr.write('\nStopping.\n')
    stops.unshift(async () => void process.stderr.write('Stopped.\n'))
    await end(0)
  }
  obey(order)
  try {
    const options = readOptions(process.argv.slice(2))
    const staysUp = await serve(options, (stop) => {
      stops.push(stop)
      obey(order)
    })
    if (!staysUp && endingSince === undefined) await end(0)
  } catch (cause) {
    if (endingSince !== undefined) return
    complain(cause)
    await end(cause instanceof UsageError ? 2 : 1)
  }
}

/** Makes `order` the one listener. Miniflare's own would end the process before Postgres stops. */
function obey(order: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.removeAllListeners(signal)
    process.on(signal, order)
  }
}

/** Answers whether there is something now that stays up. */
async function serve(
  options: DevOptions,
  onStarted: (stop: () => Promise<void>) => void,
): Promise<boolean> {
  if (options.help) {
    process.stdout.write(HELP)
    return false
  }
  const services = readServices(process.env)
  const running = await findRunning()
  if (running) throw new Error(`PayOS runs here already, at ${running}: use it, or stop it first.`)

  const screen = new Screen(options.json ? process.stderr : process.stdout)
  screen.line('PayOS on this machine:')
  const { startStack } = await screen.step('programs loaded', () => import('./stack.ts'))
  const stack = await startStack({ options, services, screen, onStarted })
  await writeDevFile(stack.dev)
  onStarted(removeDevFile)
  await demonstrate(stack, screen, options)
  if (!options.once) screen.line('\nIt is up. Ctrl-C stops it; the data stays in .payos/.')
  return !options.once
}

async function demonstrate(stack: Stack, screen: Screen, options: DevOptions): Promise<void> {
  const call = await payOnce(stack.dev)
  // Counted from the start of this process.
  const seconds = Math.round(performance.now()) / 1000
  showCall(screen, call)
  screen.line(`\nFrom nothing to the paid 200 in ${seconds.toFixed(1)} s.`)
  if (!options.once) {
    showStack(screen, stack)
    showNext(screen, stack)
  }
  if (!options.json) return
  const { edges, dev } = stack
  process.stdout.write(`${JSON.stringify({ edges, echo: dev.echo, seconds, ...call })}\n`)
}

function complain(cause: unknown): void {
  const message = cause instanceof Error ? cause.message : String(cause)
  process.stderr.write(`\n${message}\n`)
  if (cause instanceof PostgresInUse) {
    process.stderr.write('That is another "npm run dev", or "npm run db", of this folder.\n')
  } else if (message.includes('history of migrations')) {
    process.stderr.write(`To start over with no data: remove ${DATA_DIR}\n`)
  }
}
