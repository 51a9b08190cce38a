import { readdir, readFile } from 'node:fs/promises'

/** CPU time, user and system, of running processes so far, in ms; undefined where it is not told. */
export async function cpuMsOf(pids: readonly number[]): Promise<number | undefined> {
  const all = await Promise.all(pids.map(cpuNanoseconds))
  if (all.length === 0 || all.includes(undefined)) return undefined
  return all.reduce<number>((sum, ns) => sum + (ns ?? 0), 0) / 1e6
}

/** Linux counts nanoseconds per thread, where process totals come in steps of ten milliseconds. */
async function cpuNanoseconds(pid: number): Promise<number | undefined> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const times = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'))
    return (await Promise.all(times)).reduce((sum, text) => sum + Number(text.split(' ')[0]), 0)
  } catch {
    return undefined
  }
}

/** Memory of running processes in MB: what they hold of the machine's; undefined where untold. */
export async function residentMbOf(pids: readonly number[]): Promise<number | undefined> {
  try {
    const status = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')))
    const kilobytes = status.map((text) => Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1]))
    return kilobytes.reduce((sum, value) => sum + value, 0) / 1000
  } catch {
    return undefined
  }
}
