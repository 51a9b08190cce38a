import { decimal, pay } from './pay.ts'

/** Who pays, and by what edge: its own, never one that a provider names. */
export type Payer = {
  edge: string
  apiKey: string
  walletId: string
  /** The agent's Ed25519 key, when it has registered one. */
  privateJwk?: { x: string; d: string } | undefined
  /** What one request may cost at most, in atomic units. */
  most: bigint
  /** Async: promised from the wallet's lease, where it has one. Default `sync`. */
  settlement?: 'sync' | 'async' | undefined
}

/** What one request costs, as a 402 says in its header (x402 `PaymentRequirements`). */
export type Requirement = {
  scheme: string
  amount: string
  asset: string
  extra: { issuer: string; endpointId: string }
}

export type Step = { name: string; detail: string; ms: number }

/** Gets what is at `url` and pays for it, once, if it is answered 402; tells each step. */
export async function paidFetch(
  url: string,
  payer: Payer,
  tell: (step: Step) => void = () => {},
): Promise<Response> {
  let since = performance.now()
  const step = (name: string, detail: string) => {
    tell({ name, detail, ms: performance.now() - since })
    since = performance.now()
  }
  const asked = await fetch(url)
  if (asked.status !== 402) return asked
  const requirement = acceptable(asked, payer)
  step('402', `${decimal(requirement.amount)} ${requirement.asset} for GET ${url}`)

  const paid = await pay(url, payer, requirement)
  step('pay', paid.proof)

  const served = await fetch(url, { headers: { 'x-payment-jwt': paid.proof } })
  step(`${served.status}`, served.headers.get('server-timing') ?? '')
  return served
}

/** The one way to pay that this agent takes: by its own edge, and not above its limit. */
function acceptable(asked: Response, { edge, most }: Payer): Requirement {
  const required = JSON.parse(atob(asked.headers.get('payment-required') ?? 'e30='))
  const offers: Requirement[] = required.accepts ?? []
  const isOurs = ({ scheme, extra }: Requirement) =>
    scheme === 'payos-ticket' && extra.issuer === edge
  const found = offers.find(isOurs)
  if (!found) throw new Error(`${asked.url} takes no payment by ${edge}`)
  if (BigInt(found.amount) > most) throw new Error(`${asked.url} costs ${found.amount}: too much`)
  return found
}
