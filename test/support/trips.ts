import type { Answer } from './http.ts'

/** The backends an answer waited for, in order, as its `Server-Timing` tells. */
export const waitedFor = ({ headers }: Answer): string[] =>
  (headers.get('server-timing') ?? '').match(/[a-z]+(?=;dur=)/g) ?? []
