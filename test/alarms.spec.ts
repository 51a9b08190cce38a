import { readdir, readFile } from 'node:fs/promises'
import { beforeAll, describe, it } from 'vitest'

/** What a name with a hole in it stands for: the ends of a delivery that call for somebody. */
const HOLES: Record<string, string[]> = {
  'webhook_${outcome}': ['webhook_dead', 'webhook_disabled'],
}

let calls: string[]
let raised: string[]
let rows: Map<string, { happened: string; remedy: string }>

beforeAll(async () => {
  const files = (await readdir('functions')).filter((name) => !name.endsWith('.test.ts'))
  const texts = await Promise.all(files.map((name) => readFile(`functions/${name}`, 'utf8')))
  const code = texts.join('\n').replaceAll(/export function alarm\w*\(/g, '')
  calls = code.match(/\balarm(OfClock)?\(/g) ?? []
  const names = [...code.matchAll(/\balarm(?:OfClock)?\(\s*(?:c,\s*)?['`]([^'`]+)['`]/g)]
  raised = names.flatMap(([, name = '']) => HOLES[name] ?? [name])

  const runbook = await readFile('docs/runbook.md', 'utf8')
  const [, section = ''] = /^## Alarms\n[\s\S]*?^\|-[-|]+\n([\s\S]*?)^## /m.exec(runbook) ?? []
  const told = [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$/gm)]
  rows = new Map(
    told.map(([, name = '', happened = '', remedy = '']) => [name, { happened, remedy }]),
  )
})

describe('the alarms of the runbook', () => {
  it('are every one the Worker raises, and no others', ({ expect }) => {
    expect([...rows.keys()].sort()).toEqual([...new Set(raised)].sort())
  })

  it('are found by their names, none of which is put together elsewhere', ({ expect }) => {
    expect(raised.length).toBeGreaterThanOrEqual(calls.length)
    expect(raised.filter((name) => !/^[a-z_]+$/.test(name))).toEqual([])
  })

  it('each say what happened and what to do', ({ expect }) => {
    for (const [name, { happened, remedy }] of rows) {
      expect(happened.length, name).toBeGreaterThan(40)
      expect(remedy.length, name).toBeGreaterThan(40)
    }
  })
})
