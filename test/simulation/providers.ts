import { proofReasons } from '../../shared/domain/proof.ts'
import { type Client, headersOf, type Place } from './client.ts'
import { providerKeys } from './parties.ts'
import type { Random } from './random.ts'
import type { Manner } from './story.ts'

export type Claims = { jti: string; aud: string; exp: number; lse?: string; seq?: number }
export type Proof = { token: string; claims: Claims; endpointId: string; provider: number }

/** What clocks may differ and an answer may take: only what is shown earlier is shown in time. */
const IN_TIME = 15

const REDEMPTION_MS = 15 * 60_000

/** Providers that check the proofs they are shown, soon, late, all at once or not at all. */
export class Providers {
  /** Payments a provider was told are good. */
  readonly accepted = new Set<string>()
  readonly #place: Place
  readonly #client: Client
  #kept: Proof[] = []

  constructor(place: Place, client: Client) {
    this.#place = place
    this.#client = client
  }

  /** Somebody shows a proof, in this manner. */
  async receive(proof: Proof, presents: Manner['presents'], random: Random): Promise<void> {
    if (presents === 'never') return
    if (presents === 'with the others') {
      this.#kept.push(proof)
      return
    }
    await this.#client.sleep(
      presents === 'late' ? random.between(60_000, 180_000) : random.between(50, 30_000),
    )
    if (presents === 'to the wrong one') await this.#misdirect(proof, random)
    await this.check(proof, random)
  }

  /** All proofs that were kept, at once. */
  presentAll(random: Random): void {
    const kept = this.#kept
    this.#kept = []
    if (kept.length > 1) this.#place.witness.meet('many proofs presented at once')
    for (const proof of kept) void this.check(proof, random)
  }

  async #misdirect(proof: Proof, random: Random): Promise<void> {
    const other = 1 - proof.provider
    const { answer } = await this.#client.ask(random.below(4), verifyRequest(proof, other), random)
    const { witness } = this.#place
    const accepted = answer?.status === 200 && answer.body['valid'] === true
    witness.hold('F4', !accepted, () => `${proof.claims.jti} was accepted for another provider`)
  }

  /** A provider checks a proof until it knows; one shown in time is good. */
  async check(proof: Proof, random: Random): Promise<void> {
    const { timeline, witness } = this.#place
    for (let attempt = 0; attempt < 6; attempt++) {
      const request = verifyRequest(proof, proof.provider)
      const { answer } = await this.#client.ask(random.below(4), request, random)
      if (answer?.status === 200) {
        const inTime = timeline.now / 1000 < proof.claims.exp - IN_TIME
        this.#judged(proof, answer.body, inTime)
        return
      }
      witness.meet('a provider asks again')
      await this.#client.sleep(random.between(500, 5_000))
    }
  }

  /** How long after its payment was made a proof ends. */
  #lifeOf({ jti, exp }: Claims): number {
    return exp * 1000 - (this.#place.ledger.payments.get(jti)?.createdAt ?? exp * 1000)
  }

  #judged({ claims }: Proof, body: Record<string, unknown>, inTime: boolean): void {
    const { witness, ledger } = this.#place
    const { jti, lse } = claims
    const kind = lse === undefined ? 'settled' : 'promised'
    witness.meet(
      `a proof of a ${kind} payment: ${body['valid'] === true ? 'good' : body['reason']}`,
    )
    if (body['valid'] === true) {
      this.accepted.add(jti)
      // First uses are remembered for as long as a payment can be redeemed, and a minute more.
      const isRemembered = this.#lifeOf(claims) <= REDEMPTION_MS + 60_000
      witness.hold('O1', isRemembered, () => `${jti} buys its resource once more`)
      return
    }
    const lease = ledger.leases.get(lse ?? '')
    const forks = lease ? witness.forksOf(lease) : 0
    if (this.#lifeOf(claims) > REDEMPTION_MS) return
    if (!inTime || forks > 1 || !proofReasons.some((it) => it === body['reason'])) return
    witness.blame('F2', `${jti} was presented in time and refused: ${body['reason']}`)
  }
}

const verifyRequest = ({ token, endpointId, claims }: Proof, provider: number) => ({
  about: claims.jti,
  method: 'POST',
  path: '/v1/x402/verify',
  headers: headersOf(providerKeys[provider]),
  body: JSON.stringify({ proof: token, endpointId }),
})
