import type { Backend } from './backend.ts'
import { commands } from './commands/all.ts'
import { type Bytes, Refusal, type Reply, ReplyError } from './reply.ts'
import { RespClient } from './resp.ts'
import { withoutUpstashFlag } from './script-header.ts'
import { shaOf } from './scripts.ts'

/**
 * A real Redis server behind the same face.
 *
 * It takes the commands the in-process stand-in knows, so that a test cannot come to need others.
 * Time is the server's own: moving the stand-in's clock does not move it.
 */
export async function serverBackend(redisUrl: string): Promise<Backend> {
  const client = await RespClient.connect(redisUrl)
  const hashes = new Hashes()
  const refuse = (): never => {
    throw new Refusal('a real Redis server cannot be rolled back')
  }
  return {
    run: async (words) => hashes.back(words, await client.send(hashes.there(words))),
    transaction: async (queue) => {
      const sent = queue.map((words) => hashes.there(words))
      const replies = await client.sendAll([['MULTI'], ...sent, ['EXEC']])
      const result = replies.at(-1)
      if (result instanceof ReplyError) return result
      if (!Array.isArray(result)) throw new Error('EXEC answered something else')
      return result.map((reply, index) => hashes.back(queue[index] ?? [], reply))
    },
    commandsInScripts: () => Number.NaN,
    reset: async () => {
      await client.order(['FLUSHDB'])
      await client.order(['SCRIPT', 'FLUSH'])
    },
    snapshot: refuse,
    restore: refuse,
    stop: () => client.close(),
  }
}

/** Scripts go to the server without Upstash's flag, and are known by the hash of the original. */
class Hashes {
  readonly #there = new Map<string, string>()
  readonly #original = new Map<string, string>()

  /** The command as the server takes it. */
  there(words: Bytes[]): Bytes[] {
    const [name = '', first = '', ...rest] = words
    const upper = name.toUpperCase()
    if (!commands.has(upper)) throw new Refusal(`the command ${name} is not built`)
    if (upper === 'XREADGROUP' && rest.some((word) => word.toUpperCase() === 'BLOCK')) {
      throw new Refusal('nothing blocks over REST')
    }
    if (upper === 'EVAL' || upper === 'EVAL_RO') return [name, this.#text(first), ...rest]
    if (upper === 'EVALSHA' || upper === 'EVALSHA_RO') return [name, this.#sha(first), ...rest]
    if (upper !== 'SCRIPT') return words
    if (first.toUpperCase() === 'LOAD') return [name, first, ...rest.map((it) => this.#text(it))]
    return [name, first, ...rest.map((it) => this.#sha(it))]
  }

  /** The server's reply with the hashes its caller knows. */
  back(words: Bytes[], reply: Reply): Reply {
    if (reply instanceof ReplyError) {
      return new ReplyError(reply.message.replace(/\b[0-9a-f]{40}\b/g, (sha) => this.#known(sha)))
    }
    const loads = /^script$/i.test(words[0] ?? '') && /^load$/i.test(words[1] ?? '')
    return loads && typeof reply === 'string' ? this.#known(reply) : reply
  }

  #text(text: Bytes): Bytes {
    const stripped = withoutUpstashFlag(text)
    if (stripped !== text) {
      this.#there.set(shaOf(text), shaOf(stripped))
      this.#original.set(shaOf(stripped), shaOf(text))
    }
    return stripped
  }

  #sha = (word: Bytes) => this.#there.get(word.toLowerCase()) ?? word
  #known = (sha: string) => this.#original.get(sha) ?? sha
}
