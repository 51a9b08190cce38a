import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'

const TRIES = 20
const PAUSE_MS = 200
const ANSWER_MS = 5_000

const Answer = z.object({ id: z.number(), result: z.object({ usedSize: z.number().optional() }) })

type Inspected = { url: string; inspectorUrl?: string | undefined }

/**
 * What an isolate's objects take after a full collection, in MB, asked of its inspector.
 *
 * Source: Chrome DevTools Protocol, `HeapProfiler.collectGarbage` and `Runtime.getHeapUsage`.
 */
export async function heapMbOf({ url, inspectorUrl = '' }: Inspected): Promise<number> {
  const socket = new WebSocket(inspectorUrl)
  try {
    await once(socket, 'open')
    const { send, ask } = talk(socket)
    for (let tried = 0; tried < TRIES; tried += 1) {
      send('HeapProfiler.enable')
      const collected = send('HeapProfiler.collectGarbage')
      // An isolate collects as a task of its own, which it comes to when it serves something.
      await fetch(`${url}/health`)
      await sleep(PAUSE_MS)
      if (!collected()) continue
      const usedSize = (await ask('Runtime.getHeapUsage'))?.usedSize
      if (usedSize !== undefined) return usedSize / 1e6
    }
    throw new Error('the isolate did not collect its garbage')
  } finally {
    socket.close()
  }
}

/** Commands by their names; what came back of one is read when it is there. */
function talk(socket: WebSocket) {
  const answers = new Map<number, z.output<typeof Answer>['result']>()
  socket.addEventListener('message', ({ data }) => {
    const told = Answer.safeParse(JSON.parse(String(data)))
    if (told.success) answers.set(told.data.id, told.data.result)
  })
  let id = 0
  const send = (method: string) => {
    id += 1
    const asked = id
    socket.send(JSON.stringify({ id: asked, method }))
    return () => answers.get(asked)
  }
  const ask = async (method: string) => {
    const answer = send(method)
    const until = performance.now() + ANSWER_MS
    while (!answer() && performance.now() < until) await sleep(10)
    return answer()
  }
  return { send, ask }
}
