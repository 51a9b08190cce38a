import type { PayosContext } from './http.ts'

/** Writes one line an operator is called for: what happened and to what, in codes and ids alone. */
export function alarm(c: PayosContext, what: string, ids: Record<string, string | number>): void {
  // biome-ignore lint/suspicious/noConsole: the one place alarms are written to the log
  console.error(JSON.stringify({ requestId: c.var.requestId, alarm: what, ...ids }))
}

/** The same for what no request caused, or any might have come upon. */
export function alarmOfClock(what: string, facts: Record<string, string | number>): void {
  // biome-ignore lint/suspicious/noConsole: the one place alarms of the clock are written to the log
  console.error(JSON.stringify({ alarm: what, ...facts }))
}
