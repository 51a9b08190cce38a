import { Redis } from '@upstash/redis'
import { type PaywallOptions, paywall, redisClaims } from '../../../sdk/provider/index.ts'
import { serve } from './serve.ts'

/** What a provider of its own process is given. */
export type ProviderOrders = {
  options: PaywallOptions
  redis: { url: string; token: string }
}

const { options, redis }: ProviderOrders = JSON.parse(process.argv[2] ?? '')

const claims = redisClaims(new Redis({ ...redis, retry: { retries: 0 } }))
const wall = paywall({ ...options, claims })
let runs = 0
const handle = wall.wrap(() => {
  runs += 1
  return new Response('sunny')
})

// The count is asked for by a header, so that the paid URL stays the only one there is.
const served = await serve((request) =>
  request.headers.has('x-count') ? new Response(String(runs)) : handle(request),
)
process.stdout.write(`${served.origin}\n`)
