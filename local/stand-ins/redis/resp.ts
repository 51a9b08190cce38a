import { connect, type Socket } from 'node:net'
import { type Bytes, type Reply, ReplyError, Status } from './reply.ts'

type Waiting = { resolve: (reply: Reply) => void; reject: (cause: Error) => void }

/** One RESP2 connection to a Redis server; replies arrive in the order of the commands. */
export class RespClient {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #received: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('close', () => this.#fail(new Error('the Redis server closed the connection')))
    socket.on('error', (cause) => this.#fail(cause))
  }

  /** Connects to `redis://[user:password@]host:port/db`. */
  static async connect(address: string): Promise<RespClient> {
    const url = new URL(address)
    const socket = connect({ host: url.hostname, port: Number(url.port || 6379) })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    const client = new RespClient(socket)
    if (url.password) await client.order(['AUTH', url.username || 'default', url.password])
    const database = url.pathname.slice(1)
    if (database) await client.order(['SELECT', database])
    return client
  }

  /** Sends commands in one write, so that nothing comes between them. */
  sendAll(commands: Bytes[][]): Promise<Reply[]> {
    const replies = commands.map(
      () => new Promise<Reply>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    )
    this.#socket.write(commands.map(encode).join(''), 'latin1')
    return Promise.all(replies)
  }

  async send(words: Bytes[]): Promise<Reply> {
    const [reply = null] = await this.sendAll([words])
    return reply
  }

  /** Sends a command that has to succeed. */
  async order(words: Bytes[]): Promise<void> {
    const reply = await this.send(words)
    if (reply instanceof ReplyError) throw reply
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.end(resolve))
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    let at = 0
    while (this.#waiting.length > 0) {
      const parsed = parse(this.#received, at)
      if (!parsed) break
      at = parsed.next
      this.#waiting.shift()?.resolve(parsed.reply)
    }
    this.#received = this.#received.subarray(at)
  }

  #fail(cause: Error): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(cause)
  }
}

const encode = (words: Bytes[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

type Parsed = { reply: Reply; next: number }

/** Reads one reply, or nothing while part of it is still on its way. */
function parse(data: Buffer, at: number): Parsed | undefined {
  const end = data.indexOf('\r\n', at)
  if (end < 0) return undefined
  const rest = data.toString('latin1', at + 1, end)
  const next = end + 2
  switch (String.fromCharCode(data[at] ?? 0)) {
    case '+':
      return { reply: new Status(rest), next }
    case '-':
      return { reply: new ReplyError(rest), next }
    case ':':
      return { reply: parseInteger(rest), next }
    case '$':
      return parseBulk(data, Number(rest), next)
    case '*':
      return parseArray(data, Number(rest), next)
    default:
      throw new Error('the Redis server does not speak RESP2')
  }
}

function parseInteger(text: string): number | bigint {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

function parseBulk(data: Buffer, length: number, at: number): Parsed | undefined {
  if (length < 0) return { reply: null, next: at }
  if (data.length < at + length + 2) return undefined
  return { reply: data.toString('latin1', at, at + length), next: at + length + 2 }
}

function parseArray(data: Buffer, length: number, at: number): Parsed | undefined {
  if (length < 0) return { reply: null, next: at }
  const items: Reply[] = []
  let next = at
  while (items.length < length) {
    const parsed = parse(data, next)
    if (!parsed) return undefined
    items.push(parsed.reply)
    next = parsed.next
  }
  return { reply: items, next }
}
