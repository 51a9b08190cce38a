import * as z from 'zod'
import { LeaseRegions } from '../../functions/config.ts'
import { usage } from './failure.ts'
import { readIfThere } from './files.ts'
import { jsonIn } from './json.ts'

/** What `npm run dev` writes for tools, relative to the project. */
const DEV_FILE = '.payos/dev.json'

/** The members of that file the tools read. */
const DevFile = z.object({
  edge: z.url(),
  agent: z.object({
    apiKey: z.string(),
    walletId: z.string(),
    privateJwk: z.object({ x: z.string(), d: z.string() }).optional(),
  }),
  provider: z.object({ endpointIds: z.record(z.string(), z.string()) }),
  metricsToken: z.string(),
  operator: z.object({ token: z.string() }),
  supabase: z.url(),
  supabaseKey: z.string(),
  redis: z.url(),
  redisToken: z.string(),
  region: z.string(),
})
export type DevFile = z.output<typeof DevFile>

/** A PayOS an operator works on: the stack of this machine, or a hosted one. */
export type Target = {
  environment: 'test' | 'live'
  /** The origin its edge is known by; a hosted one need not be told it, so it may be absent. */
  issuer: string | undefined
  supabase: { url: string; apiKey: string; token: string }
  /** The Redis of all, and that of each region with leases, which one Redis can be at once. */
  redis: readonly { url: string; token: string; region?: string }[]
}

const Hosted = z.object({
  ENVIRONMENT: z.enum(['test', 'live']),
  ISSUER: z.url().optional(),
  SUPABASE_URL: z.url(),
  SUPABASE_PUBLISHABLE_KEY: z.string().min(1),
  OPERATOR_TOKEN: z.string().min(1),
  UPSTASH_REDIS_REST_URL: z.url(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
})

/** The regions a hosted PayOS pays from leases in; none when none are set. */
const regionsIn = (text = '[]') => LeaseRegions.safeParse(jsonIn(text))

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The hosted PayOS the environment names, else the one `npm run dev` has running here.
 *
 * Half an environment is an error that names what is missing: a command must not change the local
 * stack because one variable of the hosted one was forgotten.
 */
export async function readTarget(env: Environment = process.env): Promise<Target> {
  const isHosted = env['SUPABASE_URL'] !== undefined || env['OPERATOR_TOKEN'] !== undefined
  return isHosted ? hostedTarget(env) : localTarget()
}

function hostedTarget(env: Environment): Target {
  const read = Hosted.safeParse(env)
  if (!read.success) {
    const names = read.error.issues.map((issue) => issue.path.join('.'))
    throw usage(`a hosted PayOS needs in the environment: ${names.join(', ')}`)
  }
  const regions = regionsIn(env['LEASE_REGIONS'])
  if (!regions.success) throw usage('LEASE_REGIONS is not what the Worker takes: see the runbook')
  const { ENVIRONMENT: environment, ...hosted } = read.data
  return {
    environment,
    issuer: hosted.ISSUER,
    supabase: {
      url: hosted.SUPABASE_URL,
      apiKey: hosted.SUPABASE_PUBLISHABLE_KEY,
      token: hosted.OPERATOR_TOKEN,
    },
    redis: [
      { url: hosted.UPSTASH_REDIS_REST_URL, token: hosted.UPSTASH_REDIS_REST_TOKEN },
      ...regions.data,
    ],
  }
}

async function localTarget(): Promise<Target> {
  const dev = await readDevFile()
  if (!dev) {
    const names = Object.keys(Hosted.omit({ ISSUER: true }).shape).join(', ')
    throw usage(`no PayOS is named: start one with "npm run dev", or set ${names}`)
  }
  return {
    environment: 'test',
    issuer: dev.edge,
    supabase: { url: dev.supabase, apiKey: dev.supabaseKey, token: dev.operator.token },
    redis: [{ url: dev.redis, token: dev.redisToken, region: dev.region }],
  }
}

/** What `npm run dev` wrote last, if it did. */
export async function readDevFile(): Promise<DevFile | undefined> {
  const text = await readIfThere(DEV_FILE)
  if (text === undefined) return undefined
  const read = DevFile.safeParse(jsonIn(text))
  if (!read.success) throw usage(`${DEV_FILE} has another form: start "npm run dev" again`)
  return read.data
}
