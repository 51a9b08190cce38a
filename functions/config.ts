import * as z from 'zod'
import { isDevelopmentKey } from '../shared/adapters/qstash-callbacks.ts'
import { ProofKeys } from '../shared/domain/proof-keys.ts'
import type { RateLimit } from './caller.ts'

const Origin = z
  .url()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    'an origin, without a slash at its end',
  )

const Json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' })
    return z.NEVER
  }
})

const Limit = z.custom<RateLimit>(
  (binding) => typeof binding === 'object' && binding !== null && 'limit' in binding,
  'a rate-limit binding',
)

const Secret = z.string().min(16)

/**
 * Where leases live, and which continents promise from there. No region: every payment is settled at
 * once. A region near to no continent promises nothing more, and is drained until it is left out.
 */
export const LeaseRegions = z.array(
  z.strictObject({
    region: z.string().regex(/^[a-z0-9-]{1,32}$/),
    url: z.url(),
    token: z.string().min(1),
    continents: z.array(z.string()),
  }),
)

/** Everything this Worker is told from outside. See docs/runbook.md. */
const Bindings = z
  .object({
    ENVIRONMENT: z.enum(['test', 'live']),
    /** The origin agents and providers know this edge by; `iss` of every proof. */
    ISSUER: Origin,
    SUPABASE_URL: Origin,
    /** Opens the project's gateway; carries no right of its own. */
    SUPABASE_PUBLISHABLE_KEY: z.string().min(1),
    /** Tokens of the two database roles; see `npm run deploy`. */
    EDGE_DATABASE_TOKEN: Secret,
    DRAIN_DATABASE_TOKEN: Secret,
    UPSTASH_REDIS_REST_URL: z.url(),
    UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
    /** Secret: it holds the tokens of the regional databases. */
    LEASE_REGIONS: Json.pipe(LeaseRegions).default([]),
    /** Origins of web pages that may call as agents and providers do. */
    PAGE_ORIGINS: Json.pipe(z.array(Origin)).default([]),
    PROOF_KEYS: Json.pipe(ProofKeys),
    QSTASH_URL: Origin,
    QSTASH_TOKEN: Secret,
    QSTASH_CURRENT_SIGNING_KEY: Secret,
    QSTASH_NEXT_SIGNING_KEY: Secret,
    /** Set in a test environment only: takes the signing keys that everybody knows. */
    QSTASH_DEV: z.string().optional(),
    METRICS_TOKEN: Secret,
    UNKNOWN_KEYS: Limit,
    PER_KEY: Limit,
  })
  .superRefine((bindings, context) => {
    const { ENVIRONMENT, QSTASH_DEV, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY } =
      bindings
    const refuse = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message })
    if (QSTASH_DEV !== undefined && ENVIRONMENT !== 'test') {
      refuse('QSTASH_DEV', 'development keys are for a test environment')
    }
    if (QSTASH_DEV !== undefined) return
    for (const [name, key] of Object.entries({
      QSTASH_CURRENT_SIGNING_KEY,
      QSTASH_NEXT_SIGNING_KEY,
    })) {
      if (isDevelopmentKey(key)) refuse(name, 'everybody knows this development key')
    }
  })

export type Config = z.output<typeof Bindings>

/** The configuration, or an error that names every binding at fault and shows no value. */
export function readConfig(bindings: unknown): Config {
  const read = Bindings.safeParse(bindings)
  if (read.success) return read.data
  const faults = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`the Worker is not configured: ${faults.join('; ')}`)
}
