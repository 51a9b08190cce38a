import { type Problem, type ProblemCode, type ProblemDetails, problem } from './problem.ts'

/** What a step of a journey comes to: its value, or the problem the caller is answered. */
export type Result<Value> = { ok: true; value: Value } | { ok: false; problem: Problem }

export const ok = <Value>(value: Value): Result<Value> => ({ ok: true, value })

export const fail = (code: ProblemCode, details: ProblemDetails): Result<never> => ({
  ok: false,
  problem: problem(code, details),
})
