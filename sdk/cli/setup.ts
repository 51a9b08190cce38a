import { readFile } from 'node:fs/promises'
import type { PaymentOptions } from '../client/options.ts'
import { usage } from './failure.ts'

/** Who the command acts as, and at which edge. */
export type Setup = {
  edge: string
  agent: {
    apiKey: string | undefined
    walletId: string | undefined
    signer: JsonWebKey | undefined
  }
  providerKey: string | undefined
}

const DEV_FILE = '.payos/dev.json'

type DevFile = {
  edge?: string
  agent?: { apiKey?: string; walletId?: string; privateJwk?: { x: string; d: string } }
  provider?: { apiKey?: string }
}

/**
 * Reads the environment (`PAYOS_EDGE` with keys), else what `npm run dev` wrote here. The two are
 * not mixed: a key must not go to an edge it is not of.
 */
export async function readSetup(env = process.env): Promise<Setup> {
  if (env['PAYOS_EDGE'] !== undefined) {
    return {
      edge: env['PAYOS_EDGE'],
      agent: {
        apiKey: env['PAYOS_AGENT_KEY'],
        walletId: env['PAYOS_WALLET_ID'],
        signer: env['PAYOS_SIGNER'] === undefined ? undefined : jsonIn(env['PAYOS_SIGNER']),
      },
      providerKey: env['PAYOS_PROVIDER_KEY'],
    }
  }
  const text = await readFile(DEV_FILE, 'utf8').catch(() => undefined)
  if (text === undefined) {
    throw usage('no PayOS is named: set PAYOS_EDGE with your keys, or start one with "npm run dev"')
  }
  const { edge, agent, provider } = jsonIn(text) as DevFile
  if (edge === undefined) throw usage(`${DEV_FILE} names no edge`)
  const signer = agent?.privateJwk && { kty: 'OKP', crv: 'Ed25519', ...agent.privateJwk }
  const { apiKey, walletId } = agent ?? {}
  return { edge, agent: { apiKey, walletId, signer }, providerKey: provider?.apiKey }
}

function jsonIn(text: string): object {
  try {
    return JSON.parse(text)
  } catch {
    throw usage('PAYOS_SIGNER and .payos/dev.json are JSON')
  }
}

/** What a payment needs of it. */
export function payerOf({ edge, agent }: Setup): PaymentOptions {
  const { apiKey, walletId, signer } = agent
  if (apiKey === undefined || walletId === undefined) {
    throw usage('paying needs PAYOS_AGENT_KEY and PAYOS_WALLET_ID beside PAYOS_EDGE')
  }
  return { edge, apiKey, walletId, ...(signer && { signer }) }
}
