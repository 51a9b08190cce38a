import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** What a flood sends, how often and for how long; read from stdin, so that it can be long. */
export type Flood = {
  url: string
  perSecond: number
  seconds: number
  headers: Record<string, string>
  body: string
}

const TICK_MS = 10
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** Sends one request and gives the status of its answer; 0 when there is none. */
function send({ url, headers, body }: Flood): Promise<number> {
  return new Promise((resolve) => {
    const length = { 'content-length': Buffer.byteLength(body) }
    const sent = request(
      url,
      { method: 'POST', agent, headers: { ...headers, ...length } },
      (it) => {
        it.resume().on('end', () => resolve(it.statusCode ?? 0))
      },
    )
    sent.on('error', () => resolve(0))
    sent.end(body)
  })
}

/** Sends at the rate it was told, whether or not answers come, and counts them by status. */
async function flood(plan: Flood): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {}
  const startedAt = performance.now()
  const waiting: Promise<void>[] = []
  let sent = 0
  while (performance.now() - startedAt < plan.seconds * 1000) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * plan.perSecond)
    for (; sent < due; sent++) {
      const counted = send(plan).then((status) => {
        statuses[status] = (statuses[status] ?? 0) + 1
      })
      waiting.push(counted)
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  await Promise.all(waiting)
  return statuses
}

const statuses = await flood(JSON.parse(await text(process.stdin)))
process.stdout.write(JSON.stringify(statuses))
process.exit(0)
