import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type RealServer = { program: string; version: string }

/** The Redis or Valkey server on this machine: REDIS_SERVER_BIN, else the first on the PATH. */
export function findRealServer(): RealServer | undefined {
  const named = process.env['REDIS_SERVER_BIN']
  for (const program of named ? [named] : ['redis-server', 'valkey-server']) {
    const version = versionOf(program)
    if (version) return { program, version }
    if (named) throw new Error(`REDIS_SERVER_BIN names ${named}, which does not run`)
  }
  return undefined
}

function versionOf(program: string): string | undefined {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

/** Starts the server on a free port of loopback, with nothing kept on disk. */
export async function startRealServer({ program }: RealServer) {
  const directory = await mkdtemp(join(tmpdir(), 'payos-redis-'))
  const port = await freePort()
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: directory }
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)))
    server.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('Ready to accept connections')) resolve()
    })
  })
  return {
    url: `redis://127.0.0.1:${port}/0`,
    stop: async () => {
      server.kill()
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as AddressInfo
  await new Promise((resolve) => holder.close(resolve))
  return port
}
