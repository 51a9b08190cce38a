import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const PROTOCOL = 196_608 // 3.0

/**
 * One connection that runs one prepared statement over and over, and does nothing else.
 *
 * It is the leanest caller the wire protocol allows, so that what is measured is the server. It
 * knows no passwords: it is for a database of ours, on this machine.
 */
export class WireStatement {
  readonly #socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  /** Written anew by each call: the one before was sent when its answer came. */
  #out: Buffer = Buffer.concat([BIND], 4096)
  #waiting: ((answer: Answer) => void) | undefined
  #answer: Answer = { value: null, fault: undefined }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (cause) => this.#end(cause.message))
    socket.on('close', () => this.#end('the connection was closed'))
  }

  /** Connects, runs the statements of `setup`, and prepares `text`. */
  static async open(databaseUrl: string, text: string, setup: string[] = []) {
    const { hostname, port, username, pathname } = new URL(databaseUrl)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const statement = new WireStatement(socket)
    const names = ['user', username, 'database', pathname.slice(1), ''].map(zeroEnded)
    await statement.#send(message('', [int32(PROTOCOL), ...names]))
    for (const sql of setup) await statement.#send(message('Q', [zeroEnded(sql)]))
    await statement.#send([message('P', [zeroEnded('s'), zeroEnded(text), int16(0)]), SYNC])
    return statement
  }

  /** Runs the statement; the text of the first column of its row, or null. */
  async run(values: readonly (string | null)[]): Promise<string | null> {
    // A character is three bytes at most, and so is what surrounds them.
    const most = 3 * values.reduce((sum, value) => sum + (value?.length ?? 0) + 4, BIND.length * 4)
    if (this.#out.length < most) this.#out = Buffer.concat([BIND], most)
    const out = this.#out
    out.writeInt16BE(values.length, BIND.length - 2)
    let at = BIND.length
    for (const value of values) {
      const length = value === null ? -1 : out.write(value, at + 4)
      at = out.writeInt32BE(length, at) + Math.max(length, 0)
    }
    at = out.writeInt16BE(0, at)
    out.writeInt32BE(at - 1, 1)
    return this.#send(out.subarray(0, at + AFTER_BIND.copy(out, at)))
  }

  async close(): Promise<void> {
    this.#socket.removeAllListeners('close')
    this.#socket.end(message('X', []))
    await once(this.#socket, 'close')
  }

  #send(bytes: Buffer | Buffer[]): Promise<string | null> {
    this.#socket.write(Array.isArray(bytes) ? Buffer.concat(bytes) : bytes)
    return new Promise((resolve, reject) => {
      this.#waiting = ({ value, fault }) => {
        if (fault === undefined) resolve(value)
        else reject(new Error(fault))
      }
    })
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readInt32BE(1)
      if (this.#bytes.length < end) return
      this.#take(String.fromCharCode(this.#bytes[0] ?? 0), this.#bytes.subarray(5, end))
      this.#bytes = this.#bytes.subarray(end)
    }
  }

  /** Message types of the protocol's version 3; those not named carry nothing wanted here. */
  #take(type: string, body: Buffer): void {
    if (type === 'D') this.#answer.value = firstColumn(body)
    if (type === 'E') this.#answer.fault = faultIn(body)
    if (type === 'R' && body.readInt32BE(0) !== 0) this.#end('the server asks for a password')
    if (type === 'Z') this.#finish()
  }

  #finish(): void {
    const answer = this.#answer
    this.#answer = { value: null, fault: undefined }
    this.#waiting?.(answer)
  }

  #end(fault: string): void {
    this.#answer = { value: null, fault }
    this.#finish()
  }
}

type Answer = { value: string | null; fault: string | undefined }

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const zeroEnded = (text: string): Buffer => Buffer.from(`${text}\0`)

function message(type: string, parts: Buffer[]): Buffer {
  const length = 4 + parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from(type), int32(length), ...parts])
}

const SYNC = message('S', [])
/** The beginning of every binding of the statement, with room for its length and number of values. */
const BIND = message('B', [zeroEnded(''), zeroEnded('s'), int16(0), int16(0)])
const AFTER_BIND = Buffer.concat([message('E', [zeroEnded(''), int32(0)]), SYNC])

function firstColumn(row: Buffer): string | null {
  const length = row.readInt32BE(2)
  return length < 0 ? null : row.toString('utf8', 6, 6 + length)
}

/** The code and the text of an error response, whose fields are each a letter and a text. */
function faultIn(body: Buffer): string {
  const fields = body.toString('utf8').split('\0')
  const field = (letter: string) => fields.find((it) => it.startsWith(letter))?.slice(1)
  return `${field('C')}: ${field('M')}`
}
