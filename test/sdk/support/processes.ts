import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { AgentOrders, AgentReport } from './agent-process.ts'
import type { ProviderOrders } from './provider-process.ts'

const script = (name: string) => join(import.meta.dirname, name)

const start = (name: string, orders: unknown): ChildProcess =>
  spawn(process.execPath, [script(name), JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** Runs an agent in a process of its own to its end. No report from one that died. */
export async function runAgent(
  orders: AgentOrders,
): Promise<{ exitCode: number | null; report: AgentReport }> {
  const child = start('agent-process.ts', orders)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { exitCode, report: text === '' ? [] : JSON.parse(text) }
}

/** What a provider says first, which is that it listens; fails if it ends before. */
export const whenListening = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    child.once('exit', (code) => reject(new Error(`the provider ended with ${code}`)))
  })

/** Starts a provider in a process of its own; answers its origin. */
export async function startProvider(
  orders: ProviderOrders,
): Promise<{ origin: string; runs: () => Promise<number>; stop: () => void }> {
  const child = start('provider-process.ts', orders)
  const origin = await whenListening(child)
  return {
    origin,
    runs: async () => {
      const response = await fetch(origin, { headers: { 'X-Count': '1' } })
      return Number.parseInt(await response.text(), 10)
    },
    stop: () => void child.kill(),
  }
}
