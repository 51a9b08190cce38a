import { describe, it } from 'vitest'
import { edgeOriginOf } from './edge-origin.ts'

describe('edgeOriginOf', () => {
  it.for([
    ['https://edge.example', 'live', 'https://edge.example'],
    ['https://edge.example/', 'live', 'https://edge.example'],
    ['http://localhost:8787', 'test', 'http://localhost:8787'],
    ['http://127.0.0.2:8787', 'test', 'http://127.0.0.2:8787'],
    ['http://[::1]:8787', 'test', 'http://[::1]:8787'],
  ] as const)('takes %s in %s', ([text, environment, origin], { expect }) => {
    expect(edgeOriginOf(text, environment)).toBe(origin)
  })

  it.for([
    ['http://localhost:8787', 'live'],
    ['http://edge.example', 'test'],
    ['http://127.0.0.1.example', 'test'],
    ['https://edge.example/v1', 'live'],
    ['https://edge.example/?a', 'live'],
    ['https://me@edge.example', 'live'],
    ['file:///edge', 'test'],
    ['edge.example', 'live'],
  ] as const)('takes no %s in %s', ([text, environment], { expect }) => {
    expect(edgeOriginOf(text, environment)).toBeUndefined()
  })
})
