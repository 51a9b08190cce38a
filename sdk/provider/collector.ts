import { formatUnits } from '../../shared/domain/decimal.ts'
import { isRecord } from '../../shared/protocol/x402.ts'
import type { EdgeCall } from './edge-call.ts'
import type { PaywallEvent } from './options.ts'
import { namesOf, type Proof, type ProofReason } from './proof.ts'

/** As many as the edge takes at once. */
const BATCH = 100

/** How long a leased proof waits for company, in milliseconds; it lives for two minutes. */
const GATHER_MS = 2_000

const PAUSE_MAX_MS = 30_000

export type CollectorParts = {
  call: EdgeCall
  nowSeconds: () => number
  onEvent: (event: PaywallEvent) => void
  /** Keeps the runtime alive until it has resolved. */
  waitUntil: (promise: Promise<unknown>) => void
}

type Promised = { token: string; proof: Proof }

/** How much of a hold is taken; nothing voids it. */
export type Capture = { attemptId: string; amount: bigint }

/** Makes money of what was accepted on a promise: captures holds, presents leased proofs. */
export class Collector {
  readonly #parts: CollectorParts
  readonly #waiting: Promised[] = []
  #gathering: Promise<void> | undefined

  constructor(parts: CollectorParts) {
    this.#parts = parts
  }

  /**
   * Captures a hold, and answers why it cannot be captured.
   *
   * When the edge gives no answer, it goes on asking until the hold ends: the same attempt is
   * captured once.
   */
  async capture(proof: Proof, capture: Capture): Promise<ProofReason | undefined> {
    try {
      return await this.#settle(proof, capture)
    } catch (cause) {
      this.#parts.onEvent({ type: 'unavailable', cause })
      this.#parts.waitUntil(this.#settleLater(proof, capture))
      return undefined
    }
  }

  /** Presents a leased proof soon, with others. */
  present(token: string, proof: Proof): void {
    this.#waiting.push({ token, proof })
    if (this.#waiting.length >= BATCH) this.#parts.waitUntil(this.flush())
    this.#gathering ??= this.#gather()
    this.#parts.waitUntil(this.#gathering)
  }

  /** Presents what waits. What the edge did not answer waits on, until its proof is over. */
  async flush(): Promise<void> {
    const { call, nowSeconds, onEvent } = this.#parts
    const taken = this.#waiting.splice(0)
    for (let at = 0; at < taken.length; at += BATCH) {
      const batch = taken.slice(at, at + BATCH)
      try {
        const { results } = await call('/verify', { proofs: batch.map(({ token }) => token) })
        tellResults(batch, results, onEvent)
      } catch (cause) {
        onEvent({ type: 'unavailable', cause })
        const alive = batch.filter(({ proof }) => proof.expiresAt > nowSeconds())
        for (const { proof } of batch.filter((it) => !alive.includes(it))) {
          onEvent({ type: 'unpaid', ...namesOf(proof), reason: 'proof_expired' })
        }
        this.#waiting.push(...alive)
      }
    }
  }

  async #gather(): Promise<void> {
    try {
      for (let ms = GATHER_MS; this.#waiting.length > 0; ms = Math.min(ms * 2, PAUSE_MAX_MS)) {
        await pause(ms)
        await this.flush()
      }
    } finally {
      this.#gathering = undefined
    }
  }

  async #settle(proof: Proof, { attemptId, amount }: Capture): Promise<ProofReason | undefined> {
    const { paymentId } = proof
    const body = { paymentId, amount: formatUnits(amount), attemptId }
    const answer = await this.#parts.call('/settle', body)
    return answer['success'] === true ? undefined : (String(answer['reason']) as ProofReason)
  }

  async #settleLater(proof: Proof, capture: Capture): Promise<void> {
    const { nowSeconds, onEvent } = this.#parts
    const until = proof.captureBy ?? 0
    for (let ms = GATHER_MS; nowSeconds() < until; ms = Math.min(ms * 2, PAUSE_MAX_MS)) {
      await pause(ms)
      const reason = await this.#settle(proof, capture).catch(() => 'unanswered' as const)
      if (reason === 'unanswered') continue
      if (reason) onEvent({ type: 'unpaid', ...namesOf(proof), reason })
      return
    }
    onEvent({ type: 'unpaid', ...namesOf(proof), reason: 'hold_expired' })
  }
}

function tellResults(
  batch: readonly Promised[],
  results: unknown,
  onEvent: CollectorParts['onEvent'],
): void {
  if (!Array.isArray(results)) throw new TypeError('the edge answered no results')
  for (const [at, { proof }] of batch.entries()) {
    const result: unknown = results[at]
    if (isRecord(result) && result['valid'] === true) continue
    const reason = isRecord(result) ? String(result['reason']) : 'proof_malformed'
    onEvent({ type: 'unpaid', ...namesOf(proof), reason })
  }
}

/** A timer that does not keep a Node process alive. */
const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer: unknown = setTimeout(resolve, ms)
    if (isRecord(timer)) (timer as { unref?: () => void }).unref?.()
  })
