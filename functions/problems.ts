import { Hono } from 'hono'
import { problems } from '../shared/domain/problem.ts'
import type { PayosEnv } from './http.ts'

const HEAD = '<tr><th>Code<th>Status<th>Means<th>Retry'

/** `GET /problems`: the catalogue, where the `type` of every problem leads. */
export const problemPages = () =>
  new Hono<PayosEnv>().get('/', (c) => {
    const rows = Object.entries(problems).map(
      ([code, { status, retry, title }]) =>
        `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${title}<td>${retry}`,
    )
    return c.html(
      ['<!doctype html><title>PayOS problems</title><table>', HEAD, ...rows, '</table>'].join('\n'),
      200,
      { 'Cache-Control': 'public, max-age=3600' },
    )
  })
