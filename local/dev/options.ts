import { parseArgs } from 'node:util'

export const HELP = `npm run dev -- [options]

Starts a PayOS on this machine: Postgres with the ledger, stand-ins for Supabase's gateway, Upstash
Redis and QStash, the Worker, and an example provider. Then the example agent pays for one call.
It stays up until Ctrl-C. Data and keys are kept in .payos/; remove that to begin anew.

  --once     exit after the paid call
  --edges N  run the Worker at N locations that share no memory (default 1)
  --json     print one JSON object instead of text
  --help     print this

Instead of its own parts it uses those the environment names: DATABASE_URL; REDIS_URL;
UPSTASH_REDIS_REST_URL with UPSTASH_REDIS_REST_TOKEN; QSTASH_URL with QSTASH_TOKEN,
QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY; SUPABASE_URL with
SUPABASE_PUBLISHABLE_KEY, EDGE_DATABASE_TOKEN, DRAIN_DATABASE_TOKEN and OPERATOR_TOKEN.

Exit codes: 0 done, 1 failed, 2 usage.
`

export type DevOptions = { once: boolean; json: boolean; help: boolean; edges: number }

/** A fault of whoever started it; the message is all there is to say. */
export class UsageError extends Error {}

/** The options of one command line. @throws UsageError */
export function readOptions(words: string[]): DevOptions {
  const { values } = parse(words)
  const edges = Number(values.edges)
  if (!(Number.isInteger(edges) && edges >= 1 && edges <= 16)) {
    throw new UsageError('--edges is a number from 1 to 16')
  }
  return { once: values.once, json: values.json, help: values.help, edges }
}

function parse(words: string[]) {
  try {
    return parseArgs({
      args: words,
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        edges: { type: 'string', default: '1' },
      },
    })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause))
  }
}
