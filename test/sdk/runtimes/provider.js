// Runs in Deno and in Bun: sells one page, and says when it listens.
import process from 'node:process'
import { paywall } from '@payos/x402/provider'

const { port, options } = JSON.parse(process.argv[2])
const handle = paywall(options).wrap((_, { amount }) => new Response(`sunny, for ${amount}`))
const hostname = '127.0.0.1'
const ready = () => process.stdout.write('listening')

if (globalThis.Deno) Deno.serve({ hostname, port, onListen: ready }, (request) => handle(request))
else {
  Bun.serve({ hostname, port, fetch: (request) => handle(request) })
  ready()
}
