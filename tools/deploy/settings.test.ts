import { readFileSync } from 'node:fs'
import { describe, it } from 'vitest'
import { readConfig } from '../../functions/config.ts'
import { type Setting, settings } from './settings.ts'

describe('the settings of a deployment', () => {
  it('are exactly what the Worker wants to be told', ({ expect }) => {
    const limits = ['UNKNOWN_KEYS', 'PER_KEY']
    const wanted = () => readConfig({})
    expect(wanted).toThrow()
    const message = messageOf(wanted)
    const names = [...message.matchAll(/(?:: |; )([A-Z][A-Z_]+): /g)].map(([, name]) => name)
    expect(names.filter((name) => !limits.includes(name ?? '')).sort()).toEqual(
      settings.flatMap(({ name, optional }) => (optional ? [] : [name])).sort(),
    )
  })

  it('that are optional are known to the Worker, and good to start without', ({ expect }) => {
    const given = Object.fromEntries(settings.map(({ name }) => [name, '{']))
    for (const { name, optional } of settings) {
      if (optional) expect(messageOf(() => readConfig(given))).toContain(`${name}: `)
    }
  })

  it('each say where they come from', ({ expect }) => {
    expect(settings.filter(({ from }) => from === '')).toEqual([])
  })

  it.for([
    { place: 'README.md', from: '## Configuration', to: '## ', those: () => true },
    {
      place: 'docs/runbook.md',
      from: '## Deploy from zero',
      to: '## ',
      those: ({ from }: Setting) => !from.startsWith('minted here'),
    },
    {
      place: 'wrangler.toml',
      from: '# Secrets',
      to: '[vars]',
      those: ({ kind }: Setting) => kind === 'secret',
    },
  ])('are named in $place', ({ place, from, to, those }, { expect }) => {
    const text = readFileSync(new URL(`../../${place}`, import.meta.url), 'utf8')
    const [part = ''] = (text.split(`\n${from}`)[1] ?? '').split(`\n${to}`)

    expect(settings.filter(those).filter(({ name }) => !part.includes(name))).toEqual([])
  })
})

function messageOf(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (cause) {
    return String(cause)
  }
}
