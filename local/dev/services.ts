import { UsageError } from './options.ts'

/** Real services that take the place of parts of this machine. */
export type Services = {
  databaseUrl: string | undefined
  redisUrl: string | undefined
  qstash: QstashAccount | undefined
  redis: { url: string; token: string } | undefined
  supabase: SupabaseProject | undefined
}

/** One that reaches this machine, such as the official development server. */
export type QstashAccount = {
  url: string
  token: string
  currentSigningKey: string
  nextSigningKey: string
}

export type SupabaseProject = {
  url: string
  apiKey: string
  edgeToken: string
  drainToken: string
  operatorToken: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The services the environment names. @throws UsageError when one is named by half. */
export function readServices(env: Environment): Services {
  return {
    databaseUrl: env['DATABASE_URL'],
    redisUrl: env['REDIS_URL'],
    qstash: whole(env, {
      url: 'QSTASH_URL',
      token: 'QSTASH_TOKEN',
      currentSigningKey: 'QSTASH_CURRENT_SIGNING_KEY',
      nextSigningKey: 'QSTASH_NEXT_SIGNING_KEY',
    }),
    redis: whole(env, { url: 'UPSTASH_REDIS_REST_URL', token: 'UPSTASH_REDIS_REST_TOKEN' }),
    supabase: whole(env, {
      url: 'SUPABASE_URL',
      apiKey: 'SUPABASE_PUBLISHABLE_KEY',
      edgeToken: 'EDGE_DATABASE_TOKEN',
      drainToken: 'DRAIN_DATABASE_TOKEN',
      operatorToken: 'OPERATOR_TOKEN',
    }),
  }
}

/** A service that needs several variables: all of them, or none. `url` decides whether it is meant. */
function whole<Name extends string>(
  env: Environment,
  names: Record<Name | 'url', string>,
): Record<Name | 'url', string> | undefined {
  if (!env[names.url]) return undefined
  const missing = Object.values<string>(names).filter((name) => !env[name])
  if (missing.length > 0) throw new UsageError(`${names.url} also needs ${missing.join(', ')}`)
  const members = Object.entries<string>(names).map(([member, name]) => [member, env[name]])
  return Object.fromEntries(members)
}
