import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Ablation } from './ablation.ts'
import { ablations, type Guard } from './guards.ts'
import { live } from './run.ts'
import { storyOf } from './story.ts'

/** What a run of many seeds came to. */
export type Tally = {
  seeds: number
  /** The first violation of each seed that had one. */
  failed: { seed: string; violation: string }[]
  reached: Map<string, number>
  injected: Map<string, number>
}

export type Many = {
  from: bigint
  seeds: number
  without?: Guard | undefined
  threads?: number
  progress?: (tally: Tally) => void
}

type Lived = { seed: string; violation: string | undefined; reached: Counts; injected: Counts }
type Counts = Map<string, number>

/** Lives the stories of many seeds, on as many threads as there are. */
export async function liveMany(many: Many): Promise<Tally> {
  const { from, seeds, without, progress } = many
  const threads = Math.min(many.threads ?? availableParallelism(), seeds)
  const tally: Tally = { seeds: 0, failed: [], reached: new Map(), injected: new Map() }
  const heard = (lived: Lived) => {
    tally.seeds += 1
    if (lived.violation) tally.failed.push({ seed: lived.seed, violation: lived.violation })
    add(tally.reached, lived.reached)
    add(tally.injected, lived.injected)
    progress?.(tally)
  }
  await Promise.all(
    Array.from({ length: threads }, (_, offset) => {
      const share = { from: from + BigInt(offset), seeds: Math.ceil((seeds - offset) / threads) }
      return runThread({ ...share, step: threads, without }, heard)
    }),
  )
  return tally
}

type Share = { from: bigint; seeds: number; step: number; without: Guard | undefined }

function runThread(share: Share, heard: (lived: Lived) => void): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share })
  return new Promise((resolve, reject) => {
    worker.on('message', heard)
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}

function add(sums: Counts, counts: Counts): void {
  for (const [what, count] of counts) sums.set(what, (sums.get(what) ?? 0) + count)
}

async function work({ from, seeds, step, without }: Share): Promise<void> {
  const ablation: Ablation | undefined = without && ablations[without]
  for (let index = 0; index < seeds; index++) {
    const seed = from + BigInt(index * step)
    const { violations, reached, injected } = await live(storyOf(seed), ablation)
    const lived: Lived = { seed: String(seed), violation: violations[0], reached, injected }
    parentPort?.postMessage(lived)
  }
}

const share = workerData as Partial<Share> | null
if (!isMainThread && typeof share?.from === 'bigint') await work(share as Share)
