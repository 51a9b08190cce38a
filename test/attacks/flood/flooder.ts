import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { text } from 'node:stream/consumers'

/** What a flood sends, how often and for how long; read from stdin, so that it can be long. */
export type Flood = {
  url: string
  /** Sends so many a second, whether or not answers come; 0: the next one after each answer. */
  perSecond: number
  seconds: number
  headers: Record<string, string>
  body: string
}

/** What came of it: answers by status, and how long it took. */
export type Flooded = { statuses: Record<string, number>; seconds: number }

const CONNECTIONS = 32

/** Whoever floods does so on a machine of its own: here it takes what time the others leave. */
setPriority(19)

function requestOf({ url, headers, body }: Flood): Buffer {
  const { pathname, host } = new URL(url)
  const all = { host, ...headers, 'content-length': `${Buffer.byteLength(body)}` }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`POST ${pathname} HTTP/1.1`, ...lines, '', body].join('\r\n'))
}

/** Whether these bytes are a whole answer. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end)) ?? []
  return length === undefined
    ? answer.endsWith('\r\n0\r\n\r\n')
    : Buffer.byteLength(answer.slice(end + 4)) >= Number(length)
}

/** One connection that sends the same bytes again and again, one request at a time. */
class Lane {
  readonly #socket: Socket
  readonly #bytes: Buffer
  #answer = ''
  #answered: ((status: string) => void) | undefined

  constructor(url: string, bytes: Buffer) {
    const { hostname, port } = new URL(url)
    this.#bytes = bytes
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#socket.setEncoding('utf8').on('data', (chunk) => this.#take(`${chunk}`))
    this.#socket.on('close', () => this.#answered?.('closed'))
    this.#socket.on('error', () => {})
  }

  send(): Promise<string> {
    this.#answer = ''
    this.#socket.write(this.#bytes)
    return new Promise((resolve) => {
      this.#answered = resolve
    })
  }

  #take(chunk: string): void {
    this.#answer += chunk
    if (isWhole(this.#answer)) this.#answered?.(this.#answer.slice(9, 12))
  }
}

/** Sends at the rate it was told and counts the answers. */
async function flood(plan: Flood): Promise<Flooded> {
  const statuses: Record<string, number> = {}
  const bytes = requestOf(plan)
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  let sent = 0
  const isDue = () => plan.perSecond === 0 || sent < seconds() * plan.perSecond

  const run = async (lane: Lane) => {
    while (seconds() < plan.seconds) {
      if (!isDue()) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        continue
      }
      sent += 1
      const status = await lane.send()
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 'closed') return
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, () => run(new Lane(plan.url, bytes))))
  return { statuses, seconds: seconds() }
}

const plan = JSON.parse(await text(process.stdin))
// Says that it begins: who waits for that times nothing that was before.
process.stdout.write('\n')
const flooded = await flood(plan)
process.stdout.write(JSON.stringify(flooded))
process.exit(0)
