import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'

const TRIES = 20

const Usage = z.object({ id: z.number(), result: z.object({ usedSize: z.number() }) })

/**
 * What an isolate's objects take after a full collection, in MB, asked of its inspector.
 * It must have made garbage before: that its heap shrinks is how the collection is known to be over.
 *
 * Source: Chrome DevTools Protocol, `HeapProfiler.collectGarbage` and `Runtime.getHeapUsage`.
 */
export async function heapMbOf(inspectorUrl: string): Promise<number> {
  const socket = new WebSocket(inspectorUrl)
  try {
    await once(socket, 'open')
    const before = await usedBytes(socket, 0)
    for (let id = 1; id <= TRIES; id += 1) {
      socket.send(JSON.stringify({ id: -1, method: 'HeapProfiler.enable' }))
      // Now and then workerd neither does it nor answers.
      socket.send(JSON.stringify({ id: -1, method: 'HeapProfiler.collectGarbage' }))
      await sleep(200)
      const after = await usedBytes(socket, id)
      if (after < before) return after / 1e6
    }
    throw new Error('the isolate did not collect its garbage')
  } finally {
    socket.close()
  }
}

async function usedBytes(socket: WebSocket, id: number): Promise<number> {
  const answer = new Promise<number>((resolve) => {
    socket.addEventListener('message', function read({ data }) {
      const told = Usage.safeParse(JSON.parse(String(data)))
      if (told.data?.id !== id) return
      socket.removeEventListener('message', read)
      resolve(told.data.result.usedSize)
    })
  })
  socket.send(JSON.stringify({ id, method: 'Runtime.getHeapUsage' }))
  return answer
}
