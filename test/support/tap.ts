/** What a TAP report says: its plan and, for each failed assertion, the line and its diagnosis. */
export type TapReport = { planned: number | undefined; ran: number; failures: string[] }

/** Reads TAP, line by line. A failure marked TODO counts as passed, as TAP means it. */
export function readTap(lines: readonly string[]): TapReport {
  const report: TapReport = { planned: undefined, ran: 0, failures: [] }
  let failing = false
  for (const line of lines) {
    const plan = /^1\.\.(\d+)/.exec(line)
    const outcome = /^(not )?ok\b/.exec(line)
    if (plan) report.planned = Number(plan[1])
    if (outcome) {
      report.ran += 1
      failing = outcome[1] !== undefined && !/# TODO\b/i.test(line)
      if (failing) report.failures.push(line)
    } else if (failing && line.startsWith('#')) {
      report.failures.push(`${report.failures.pop()}\n  ${line}`)
    }
  }
  return report
}
