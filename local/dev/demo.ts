import { decodeJwt, type JWTPayload } from 'jose'
import { paidFetch } from '../../examples/agent/agent.ts'
import type { DevFile } from './state.ts'

export type Step = { name: string; detail: string; ms: number }

/** One paid call, from the 402 to the answer that was paid for. */
export type PaidCall = { steps: Step[]; claims: JWTPayload; answer: Record<string, unknown> }

/** Ten units of any currency: more than anything the example provider sells. */
const MOST = 10_000_000n

/** Lets the example agent pay the example provider once. @throws when it is not served */
export async function payOnce(dev: DevFile): Promise<PaidCall> {
  const told: Step[] = []
  const payer = { edge: dev.edge, ...dev.agent, most: MOST }
  const served = await paidFetch(dev.echo, payer, (step) => told.push(step))
  const body = await served.text()
  const [asked, paid, last] = told
  if (served.status !== 200 || !asked || !paid || !last) {
    throw new Error(`the paid call was answered ${served.status}: ${body}`)
  }
  const started = performance.now()
  const claims = decodeJwt(paid.detail)
  const decoding = performance.now() - started
  return {
    steps: [
      { ...asked, name: '402 payment required' },
      { ...paid, name: 'paid at the edge', detail: `payment ${claims.jti}` },
      {
        name: 'proof',
        ms: decoding,
        detail: `${paid.detail.length} bytes, good for ${life(claims)} s`,
      },
      {
        name: 'verified locally',
        ms: verifyMs(last),
        detail: 'by the provider, with the published key',
      },
      { ...last, name: '200', detail: body.trim() },
    ],
    claims,
    answer: JSON.parse(body),
  }
}

const life = ({ exp = 0, iat = 0 }: JWTPayload) => exp - iat

/** How long the provider's check took, as it says in `Server-Timing`. */
const verifyMs = ({ detail }: Step) => Number(/verify;dur=([\d.]+)/.exec(detail)?.[1] ?? 0)
