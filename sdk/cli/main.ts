#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { exitCodes, failureOf, usage } from './failure.ts'
import { newKey, payment, verify } from './look.ts'
import { pay } from './pay.ts'
import type { Outcome } from './screen.ts'
import { readSetup } from './setup.ts'

const help = `payos pay <url>        call it, and pay for it once if it is answered 402
payos verify <proof>   have the edge judge a proof
payos payment <id>     what became of a payment
payos keys new         make a key an agent signs with

  --json                 one JSON object on stdout
  --method, --data       of the request (pay)
  --max 0.10             the most it may cost (pay)
  --request-id ID        names the purchase: one name is paid once (pay)
  --as agent|provider    whose key looks it up (payment)

PAYOS_EDGE with PAYOS_AGENT_KEY, PAYOS_WALLET_ID, PAYOS_SIGNER and PAYOS_PROVIDER_KEY, else
.payos/dev.json. Exit codes: 0 done, 2 usage, 3 key or signature, 4 refused, 5 try again.`

const options = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  method: { type: 'string' },
  data: { type: 'string' },
  max: { type: 'string' },
  'request-id': { type: 'string' },
  as: { type: 'string' },
} as const

type Values = ReturnType<typeof read>['values']

function read(words: string[]) {
  try {
    return parseArgs({ args: words, options, allowPositionals: true })
  } catch (cause) {
    throw usage(String((cause as Error).message).split('. ')[0] ?? '')
  }
}

const tellPeople = (line: string): void => void process.stderr.write(`${line}\n`)

async function run(words: readonly string[], values: Values): Promise<Outcome> {
  const [command, subject, ...rest] = words
  if (rest.length > 0) throw usage(`what is "${rest[0]}"? See payos --help`)
  if (command === 'keys' && subject === 'new') return newKey()
  if (subject === undefined) throw usage(`${command ?? 'a command'} of what? See payos --help`)
  if (command === 'verify') return verify(subject, await readSetup())
  if (command === 'payment') return payment(subject, await readSetup(), sideOf(values.as))
  if (command !== 'pay') throw usage(`there is no command "${command}": pay, verify, payment, keys`)
  if (!URL.canParse(subject)) throw usage(`"${subject}" is no URL`)
  const { method, data, max, 'request-id': requestId } = values
  const order = { url: subject, data, max, requestId }
  const tell = values.json ? () => undefined : tellPeople
  return pay({ ...order, method: method ?? (data ? 'POST' : 'GET') }, await readSetup(), tell)
}

function sideOf(text = 'agent'): 'agent' | 'provider' {
  if (text === 'agent' || text === 'provider') return text
  throw usage('--as is agent or provider')
}

const isJson = process.argv.includes('--json')
try {
  const { values, positionals } = read(process.argv.slice(2))
  const shown = values.help ? { text: help, data: {} } : await run(positionals, values)
  process.stdout.write(`${isJson ? JSON.stringify(shown.data) : shown.text.trimEnd()}\n`)
} catch (cause) {
  const { kind, message, facts } = failureOf(cause)
  const exit = exitCodes[kind]
  tellPeople(
    isJson ? JSON.stringify({ error: message, kind, exit, ...facts }) : `${kind}: ${message}`,
  )
  process.exitCode = exit
}
