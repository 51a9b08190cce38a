/** One thing a deployment must be told, and where an operator finds it. */
export type Setting = {
  name: string
  /** A var is public configuration; a secret is set apart and never shown. */
  kind: 'var' | 'secret'
  from: string
  /** Left out, a secret stays at the Worker as it is; a var is gone. */
  optional?: true
}

/** Every binding of the Worker that is a text; a test holds it against the Worker's own list. */
export const settings: readonly Setting[] = [
  { name: 'ENVIRONMENT', kind: 'var', from: 'test or live; each has its own everything' },
  { name: 'ISSUER', kind: 'var', from: 'the origin of the edge, https://edge.example' },
  { name: 'SUPABASE_URL', kind: 'var', from: 'Supabase, Project Settings, Data API' },
  { name: 'UPSTASH_REDIS_REST_URL', kind: 'var', from: 'Upstash console, the database, REST API' },
  {
    name: 'QSTASH_URL',
    kind: 'var',
    from: 'Upstash console, QStash, the region nearest the database',
  },
  {
    name: 'SUPABASE_PUBLISHABLE_KEY',
    kind: 'secret',
    from: 'Supabase, Project Settings, API Keys (sb_publishable_…)',
  },
  {
    name: 'EDGE_DATABASE_TOKEN',
    kind: 'secret',
    from: 'minted here from SUPABASE_JWT_JWK or SUPABASE_JWT_SECRET',
  },
  {
    name: 'DRAIN_DATABASE_TOKEN',
    kind: 'secret',
    from: 'minted here from SUPABASE_JWT_JWK or SUPABASE_JWT_SECRET',
  },
  {
    name: 'UPSTASH_REDIS_REST_TOKEN',
    kind: 'secret',
    from: 'Upstash console, the database, REST API (not the read-only one)',
  },
  {
    name: 'LEASE_REGIONS',
    kind: 'secret',
    from: 'Upstash console, one database a region; [] for none',
    optional: true,
  },
  {
    name: 'PAGE_ORIGINS',
    kind: 'var',
    from: 'the origins of web pages that may call, as a JSON list; left out, none may',
    optional: true,
  },
  { name: 'PROOF_KEYS', kind: 'secret', from: 'npm run admin -- proof-keys new' },
  { name: 'QSTASH_TOKEN', kind: 'secret', from: 'Upstash console, QStash' },
  {
    name: 'QSTASH_CURRENT_SIGNING_KEY',
    kind: 'secret',
    from: 'Upstash console, QStash, same region',
  },
  { name: 'QSTASH_NEXT_SIGNING_KEY', kind: 'secret', from: 'Upstash console, QStash, same region' },
  { name: 'METRICS_TOKEN', kind: 'secret', from: 'openssl rand -base64 32' },
]

/** What only the deployment itself needs. */
export const toolSettings = [
  { name: 'DATABASE_URL', from: 'Supabase, Connect, direct connection or session pooler' },
  { name: 'CLOUDFLARE_API_TOKEN', from: 'Cloudflare dashboard, My Profile, API Tokens' },
  { name: 'CLOUDFLARE_ACCOUNT_ID', from: 'Cloudflare dashboard, Workers & Pages' },
] as const

export type Values = Readonly<Record<string, string | undefined>>
