import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { makeSecrets, type Secrets } from '../secrets.ts'

const HOME = '.payos'
const DEV_FILE = `${HOME}/dev.json`
const SECRETS_FILE = `${HOME}/secrets.json`

/** Where Postgres keeps its data; `npm run db` works there too. */
export const DATA_DIR = `${HOME}/postgres`

/** What a running `npm run dev` tells tools, tests and people: where its parts are, and their keys. */
export type DevFile = {
  edge: string
  jwks: string
  echo: string
  agent: { id: string; apiKey: string; walletId: string; privateJwk: { x: string; d: string } }
  provider: { id: string; apiKey: string; endpointIds: Record<string, string> }
  operator: { token: string }
  metricsToken: string
  postgres: string
  supabase: string
  supabaseKey: string
  redis: string
  redisToken: string
  /** Whose leases that Redis has. */
  region: string
  qstash: string
}

/** Writes the file, for its owner's eyes only; whole or not at all. */
export const writeDevFile = (dev: DevFile): Promise<void> => write(DEV_FILE, dev)

export const removeDevFile = (): Promise<void> => rm(DEV_FILE, { force: true })

/** The address of a PayOS that runs from this folder already. */
export async function findRunning(): Promise<string | undefined> {
  const dev = await read<DevFile>(DEV_FILE)
  if (!dev) return undefined
  // By its token: after a crash, the address may be that of another folder's.
  const headers = { authorization: `Bearer ${dev.metricsToken}` }
  const signal = AbortSignal.timeout(2_000)
  const answer = await fetch(`${dev.edge}/v1/metrics`, { headers, signal }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.ok ? dev.edge : undefined
}

/**
 * The secrets of this folder. What was signed by them stays good from one run to the next; role
 * tokens are made anew each time, since they end after thirty days.
 */
export async function keptSecrets(nowSeconds: number): Promise<Secrets> {
  const kept = await read<Partial<Secrets>>(SECRETS_FILE)
  const secrets = await makeSecrets(nowSeconds, kept)
  await write(SECRETS_FILE, secrets)
  return secrets
}

async function read<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

async function write(path: string, value: object): Promise<void> {
  await mkdir(HOME, { recursive: true })
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, path)
}
