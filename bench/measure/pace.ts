import { setTimeout as pause } from 'node:timers/promises'

type Pace = { everyMs: number; count: number; run: (at: number) => Promise<void> }

/** Starts `run` at even times, whatever became of the runs before, and waits for all of them. */
export async function atPace({ everyMs, count, run }: Pace): Promise<void> {
  const started = performance.now()
  const runs: Promise<void>[] = []
  for (let at = 0; at < count; at += 1) {
    await pause(Math.max(0, started + at * everyMs - performance.now()))
    runs.push(run(at))
  }
  await Promise.all(runs)
}
