import { type Bytes, Refusal, ReplyError } from './reply.ts'

type ScriptFlags = {
  /** Upstash locks only KEYS, and refuses the script any other key. */
  keyLocking: boolean
  noWrites: boolean
  /** Has a first line `#!lua`: Redis then holds it to its flags. */
  declared: boolean
}

export type ParsedScript = { flags: ScriptFlags; body: Bytes }

const UPSTASH_FLAG = 'allow-key-locking'
const REDIS_FLAGS = ['no-writes', 'allow-oom', 'allow-stale', 'no-cluster', 'allow-cross-slot-keys']

/** Reads a script's first line; the body keeps an empty line there, so line numbers stay. */
export function parseScript(text: Bytes): ParsedScript {
  const none = { keyLocking: false, noWrites: false, declared: false }
  if (!text.startsWith('#!')) return { flags: none, body: text }
  const end = text.indexOf('\n')
  if (end < 0) throw new ReplyError('ERR Invalid script shebang')

  const flags = readHeader(text.slice(0, end))
  return {
    flags: {
      keyLocking: flags.includes(UPSTASH_FLAG),
      noWrites: flags.includes('no-writes'),
      declared: flags.some((flag) => flag !== UPSTASH_FLAG) || flags.length === 0,
    },
    body: text.slice(end),
  }
}

function readHeader(line: Bytes): string[] {
  const [engine = '', ...options] = line.trim().split(/\s+/)
  if (engine !== '#!lua') throw new ReplyError(`ERR Unexpected engine in script shebang: ${engine}`)
  return options.flatMap((option) => {
    if (!option.startsWith('flags=')) {
      throw new ReplyError(`ERR Unknown lua shebang option: ${option}`)
    }
    return option.slice('flags='.length).split(',').map(checkedFlag)
  })
}

function checkedFlag(flag: string): string {
  if (flag === UPSTASH_FLAG || flag === 'no-writes') return flag
  if (REDIS_FLAGS.includes(flag)) throw new Refusal(`the script flag ${flag} is not built`)
  throw new ReplyError(`ERR Unexpected flag in script shebang: ${flag}`)
}

/** The text a Redis server takes: without the flag that only Upstash knows. */
export function withoutUpstashFlag(text: Bytes): Bytes {
  const line = /^#![^\n]*(?=\n)/.exec(text)?.[0]
  if (!line?.includes(UPSTASH_FLAG)) return text
  const words = line.split(' ').map((word) => {
    if (!word.startsWith('flags=')) return word
    const flags = word.slice('flags='.length).split(',')
    const kept = flags.filter((flag) => flag !== UPSTASH_FLAG)
    return kept.length > 0 ? `flags=${kept.join(',')}` : ''
  })
  const header = words.join(' ').trim()
  return (header === '#!lua' ? '' : header) + text.slice(line.length)
}
