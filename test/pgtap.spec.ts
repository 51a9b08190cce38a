import { readdir, readFile } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { runPgtap } from './support/pgtap.ts'
import { readTap } from './support/tap.ts'

const DIRECTORY = new URL('../supabase/tests/', import.meta.url)
const files = (await readdir(DIRECTORY).catch(() => []))
  .filter((name) => name.endsWith('.test.sql'))
  .sort()

describe('the ledger, asked in SQL', () => {
  it('has assertions of its own', ({ expect }) => {
    expect(files).not.toEqual([])
  })

  it.for(files)('%s holds', async (name, { expect }) => {
    const text = await readFile(new URL(name, DIRECTORY), 'utf8')

    const report = await runPgtap({ path: `supabase/tests/${name}`, text })

    expect(report.failures).toEqual([])
    expect(report.ran).toBe(report.planned)
    expect(report.ran).toBeGreaterThan(0)
  })
})

describe('the judge of those files', () => {
  it('sees every assertion, in a transaction of its own or of the file', async ({ expect }) => {
    const body = `select plan(2); select pass('one'); select is(1, 1, 'two'); select * from finish();`

    for (const text of [body, `begin; ${body} rollback;`]) {
      const report = await runPgtap({ path: 'two.test.sql', text })
      expect(report).toEqual({ planned: 2, ran: 2, failures: [] })
    }
  })

  it('lists what failed, with its diagnosis', async ({ expect }) => {
    const text = `select plan(2); select is(1, 2, 'sums agree'); select pass('other');`

    const report = await runPgtap({ path: 'sums.test.sql', text })

    expect(report.ran).toBe(2)
    expect(report.failures).toHaveLength(1)
    expect(report.failures[0]).toMatch(/^not ok 1 - sums agree\n.*have: 1\n.*want: 2/s)
  })

  it('names the file and line of a statement that fails', async ({ expect }) => {
    const text = `select plan(1);\nselect pass('one');\nselect nothing_of_this_name();`

    const running = runPgtap({ path: 'broken.test.sql', text })

    await expect(running).rejects.toThrow('broken.test.sql:3: function nothing_of_this_name()')
  })

  it.for([
    { lines: ['1..2', 'ok 1 - a'], planned: 2, ran: 1, failures: 0 },
    { lines: ['ok 1 - a'], planned: undefined, ran: 1, failures: 0 },
    { lines: ['1..1', 'not ok 1 - a # TODO later'], planned: 1, ran: 1, failures: 0 },
    { lines: ['1..1', 'ok 1 - a # SKIP no'], planned: 1, ran: 1, failures: 0 },
    { lines: ['1..1', 'okay then'], planned: 1, ran: 0, failures: 0 },
    { lines: ['1..2', 'not ok 1 - a', 'not ok 2'], planned: 2, ran: 2, failures: 2 },
  ])('reads $lines', ({ lines, planned, ran, failures }, { expect }) => {
    const report = readTap(lines)

    expect(report).toMatchObject({ planned, ran })
    expect(report.failures).toHaveLength(failures)
  })
})
