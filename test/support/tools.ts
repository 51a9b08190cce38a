import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type Ran = { exit: number | null; out: string; error: string }

/** An operator's desk: a directory to run tools in, with nothing in the environment but `env`. */
export type Desk = {
  path: (file: string) => string
  /** Writes what `npm run dev` would. */
  writeDevFile: (dev: object) => Promise<void>
  run: (tool: string, words: string[], given?: { env?: object; input?: string }) => Promise<Ran>
  close: () => Promise<void>
}

const tools = fileURLToPath(new URL('../../tools', import.meta.url))

/** Opens a desk in a directory of its own; each tool runs as a process of its own. */
export async function openDesk(): Promise<Desk> {
  const home = await mkdtemp(join(tmpdir(), 'payos-desk-'))
  return {
    path: (file) => join(home, file),
    async writeDevFile(dev) {
      await mkdir(join(home, '.payos'), { recursive: true })
      await writeFile(join(home, '.payos', 'dev.json'), JSON.stringify(dev))
    },
    async run(tool, words, { env = {}, input = '' } = {}) {
      const child = spawn(process.execPath, [join(tools, `${tool}.ts`), ...words], {
        cwd: home,
        env: { PATH: process.env['PATH'], HOME: home, ...env },
      })
      const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
      child.stdin.on('error', () => undefined).end(input)
      const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)])
      return { exit: await exit, out, error }
    },
    close: () => rm(home, { recursive: true, force: true }),
  }
}
