/**
 * The process that outlives us by a moment: when the Node process that started Postgres is gone,
 * however it went, this one stops the server and removes its temporary data.
 *
 * It is told the server's process id, line by line, on a pipe whose other end only that Node
 * process holds. The pipe closes when its holder ends; nothing has to be polled or cleaned up.
 */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { signal, waitUntilGone } from './processes.ts'

const [, , temporaryDir] = process.argv

let server = 0
for await (const line of createInterface({ input: process.stdin })) server = Number(line)

if (server !== 0) {
  for (const [order, patience] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signal(server, order)
    if (await waitUntilGone([server], patience)) break
  }
}
if (temporaryDir !== undefined) await rm(temporaryDir, { recursive: true, force: true })
