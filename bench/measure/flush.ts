import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './stats.ts'

const PAGE = Buffer.alloc(8192, 1)
const ROUNDS = 200

/**
 * How long this disk takes to make one page durable (`fdatasync`), in ms: the median of many.
 *
 * No commit that waits for the disk is faster, and a row admits one such commit at a time.
 */
export async function flushMs(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'flush-'))
  const file = await open(join(folder, 'page'), 'w')
  try {
    const samples: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await file.write(PAGE, 0, PAGE.length, 0)
      const started = performance.now()
      await file.datasync()
      samples.push(performance.now() - started)
    }
    return median(samples)
  } finally {
    await file.close()
    await rm(folder, { recursive: true })
  }
}
