import type { ExpectStatic } from 'vitest'
import type { Answer } from './http.ts'
import { waitedFor } from './trips.ts'

/** RFC 9457, with what tells a program and a person what to do next. Of the caller's making: 4xx. */
export function expectProblem(expect: ExpectStatic, { status, headers, body }: Answer): void {
  const id = headers.get('x-request-id')
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toMatchObject({
    type: expect.stringMatching(/^https:\/\/[^/]+\/problems#[a-z_]+$/),
    title: expect.stringMatching(/^[A-Z]/),
    status,
    detail: expect.stringMatching(/^[A-Z].*\.$/),
    instance: `urn:payos:request:${id}`,
    code: expect.stringMatching(/^[a-z_]+$/),
    retry: expect.stringMatching(/^(never|same_request|after|new_quote|fix)$/),
    hint: expect.stringMatching(/\.$/),
    request_id: id,
    docs: body.type,
  })
  expect(body.type.endsWith(`#${body.code}`)).toBe(true)
  expect(status >= 400 && status < 500).toBe(true)
}

/** A request that cannot be read: told by the member at fault, at no one's cost. */
export function expectMalformed(expect: ExpectStatic, answer: Answer, param: string): void {
  expectProblem(expect, answer)
  expect([answer.status, answer.body.code, answer.body.param]).toEqual([
    400,
    'malformed_request',
    param,
  ])
  expect(answer.body.retry).toBe('fix')
  expect(waitedFor(answer)).toEqual([])
}
