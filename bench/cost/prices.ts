/** List prices in USD, as published in November 2026, each with the page it stands on. */
export const prices = {
  workerRequest: {
    usd: 0.3 / 1e6,
    unit: 'request',
    source: 'https://developers.cloudflare.com/workers/platform/pricing/',
  },
  workerCpuMs: {
    usd: 0.02 / 1e6,
    unit: 'ms of CPU',
    source: 'https://developers.cloudflare.com/workers/platform/pricing/',
  },
  redisCommand: {
    usd: 0.2 / 100_000,
    // A script is one, and so is each command it runs and each command of a pipeline.
    unit: 'command',
    source: 'https://upstash.com/pricing/redis',
    counted: 'https://upstash.com/docs/redis/sdks/ratelimit-ts/costs',
  },
  qstashMessage: {
    usd: 1 / 100_000,
    // Each delivery that is tried, repeats included.
    unit: 'message',
    source: 'https://upstash.com/pricing/qstash',
  },
  /** A Large instance has two cores of its own for 110 USD a month of 730 hours. */
  databaseCpuMs: {
    usd: 110 / (2 * 730 * 3_600_000),
    unit: 'ms of a core',
    source: 'https://supabase.com/docs/guides/platform/compute-and-disk',
  },
  /** Kept for one year. */
  databaseByte: {
    usd: (12 * 0.125) / 1e9,
    unit: 'byte kept a year',
    source: 'https://supabase.com/pricing',
  },
} as const

/** What others ask for settling one payment of `units` atomic units, without gas or volume rebates. */
export const facilitators: readonly {
  name: string
  usdOf: (usd: number) => number
  terms: string
  source: string
}[] = [
  {
    name: 'Coinbase CDP',
    usdOf: () => 0.001,
    terms: '0.001 USD a transaction after 1,000 free ones a month',
    source: 'https://docs.cdp.coinbase.com/x402',
  },
  {
    name: 'PayAI',
    usdOf: () => 0.001,
    terms: '1 USD for 1,000 credits, after a free allowance',
    source: 'https://docs.payai.network',
  },
  {
    name: 'Stripe machine payments',
    usdOf: (usd) => 0.015 * usd,
    terms: '1.5 % of the amount',
    source: 'https://docs.stripe.com/payments/machine',
  },
  {
    name: 'Nevermined',
    usdOf: (usd) => 0.01 * usd,
    terms: '1 % of the amount',
    source: 'https://docs.nevermined.app',
  },
  {
    name: 'thirdweb',
    usdOf: (usd) => 0.003 * usd,
    terms: '0.3 % of the amount',
    source: 'https://portal.thirdweb.com/x402',
  },
]
