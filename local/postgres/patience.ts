import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { clearOccupant } from './occupant.ts'
import { processesIn, signal } from './processes.ts'
import { type Cluster, launch, type Server, StartFailure } from './server.ts'

const PATIENCE_MS = 20_000

/** Starts the server, and again while what stands in the way is passing. */
export async function launchPatiently(cluster: Cluster, port: number | undefined): Promise<Server> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    await clearOccupant(cluster.data)
    try {
      return await launch(cluster, port ?? (await freePort()))
    } catch (cause) {
      if (!mayPass(cause, port) || Date.now() > deadline) throw cause
      if (isHeldByChildren(cause)) endChildren(cluster.data)
      await pause(50)
    }
  }
}

function mayPass(cause: unknown, port: number | undefined): boolean {
  if (!(cause instanceof StartFailure)) return false
  // A free port may be gone by the time Postgres asks for it; one that was named stays taken.
  if (cause.obstacle === 'port taken') return port === undefined
  return cause.obstacle !== 'other'
}

function isHeldByChildren(cause: unknown): boolean {
  return cause instanceof StartFailure && cause.obstacle === 'old children alive'
}

/**
 * Ends what a crashed server left at work in `data`. Most notice by themselves that their parent
 * is gone; one in the midst of a long statement only when that is done.
 */
function endChildren(data: string): void {
  for (const pid of processesIn(data)) signal(pid, 'SIGKILL')
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((listening, failed) => {
    probe.once('error', failed)
    probe.listen(0, '127.0.0.1', listening)
  })
  const address = probe.address()
  await new Promise((closed) => probe.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
