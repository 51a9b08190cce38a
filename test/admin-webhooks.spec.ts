import { readFile, stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { seeded } from '../local/seeded.ts'
import { type Operated, openOperated } from './support/operated.ts'

const provider = seeded.providers.weather.id
const URL_OF_THEIRS = 'https://api.example/payos'
const EDGE = 'edge.payos.example'

let operated: Operated

beforeAll(async () => {
  operated = await openOperated()
})
afterAll(() => operated?.close())

const path = (file: string) => operated.desk.path(file)
const admin = (line: string, env?: object) => operated.admin(`webhook ${line}`, env)
const put = (rest: string) => admin(`put --provider ${provider} ${rest}`)
const textOf = async (file: string) => (await readFile(path(file), 'utf8')).trim()

const secrets = () => operated.database.sql`
  select secret, expires_at - ledger.clock() > interval '59 seconds' as for_a_minute
  from ledger.webhook_secrets where holder_id = ${provider} order by created_at`

describe('npm run admin -- webhook', () => {
  it('put registers an address, with a secret nobody is shown', async ({ expect }) => {
    const ran = await put(`--url ${URL_OF_THEIRS} --out ${path('hook.secret')}`)

    expect(ran).toMatchObject({ exit: 0, error: '' })
    const secret = await textOf('hook.secret')
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(ran.out).not.toContain(secret)
    expect((await stat(path('hook.secret'))).mode & 0o777).toBe(0o600)
    expect(await secrets()).toMatchObject([{ secret }])
  })

  it('put again changes nothing, or pauses', async ({ expect }) => {
    const again = await put(`--url ${URL_OF_THEIRS} --out ${path('hook.secret')}`)
    const paused = await put(
      `--url ${URL_OF_THEIRS} --status paused --out ${path('hook.secret')} --json`,
    )
    const shown = await admin('show')

    expect([again.exit, paused.exit]).toEqual([0, 0])
    expect(await secrets()).toHaveLength(1)
    expect(shown.out).toMatch(new RegExp(`${provider} +paused .* ${URL_OF_THEIRS}`))
  })

  it.for([
    ['form', 'http://API.example/'],
    ['scheme', 'http://api.example/'],
    ['host', 'https://10.0.0.1/'],
    ['host', 'https://localhost/'],
    ['port', 'https://api.example:22/'],
  ])('put refuses an address by its %s: %s', async ([fault, url], { expect }) => {
    const ran = await put(`--url ${url} --out ${path('other.secret')}`)

    expect(ran).toMatchObject({ exit: 2, out: '' })
    expect(ran.error).toContain(`(${fault})`)
  })

  it('put refuses this machine in a live environment', async ({ expect }) => {
    const line = `put --provider ${provider} --url http://127.0.0.1:1/ --out ${path('live.secret')}`
    const ran = await admin(line, operated.hosted({ ENVIRONMENT: 'live' }))

    expect(ran).toMatchObject({ exit: 2 })
    expect(ran.error).toContain('(scheme)')
  })

  it.for([EDGE, `hooks.${EDGE}`])('put refuses the edge itself: %s', async (host, { expect }) => {
    const line = `put --provider ${provider} --url https://${host}/ --out ${path('own.secret')}`
    const ran = await admin(line, operated.hosted({ ISSUER: `https://${EDGE}` }))

    expect(ran).toMatchObject({ exit: 2, out: '' })
    expect(ran.error).toContain('(host)')
    await expect(stat(path('own.secret'))).rejects.toThrow('ENOENT')
  })

  it('put asks which edge it is for, since it cannot be told from the rest', async ({ expect }) => {
    const line = `put --provider ${provider} --url ${URL_OF_THEIRS} --out ${path('hook.secret')}`
    const nameless = await admin(line, operated.hosted({ ISSUER: undefined }))
    const named = await admin(line, operated.hosted({ ISSUER: `https://${EDGE}` }))
    const help = await admin('put --help')

    expect(nameless).toMatchObject({ exit: 2, out: '' })
    expect(nameless.error).toContain('ISSUER')
    expect(named).toMatchObject({ exit: 0, error: '' })
    expect(help.out).toContain('ISSUER')
  })

  it('put refuses a stranger', async ({ expect }) => {
    const nobody = '00000000-0000-4000-8000-000000000009'
    const ran = await admin(`put --owner ${nobody} --url ${URL_OF_THEIRS} --out ${path('none')}`)

    expect(ran).toMatchObject({ exit: 4 })
  })

  it('rotate adds a key pair and shows its public half alone', async ({ expect }) => {
    const ran = await admin(
      `rotate --provider ${provider} --ed25519 --overlap 60 --all --out ${path('pair.secret')}`,
    )

    const secret = await textOf('pair.secret')
    expect(ran).toMatchObject({ exit: 0 })
    expect(ran.out).toMatch(/whpk_[A-Za-z0-9+/]{43}=/)
    expect(ran.out).not.toContain(secret)
    expect(await secrets()).toMatchObject([
      { secret: await textOf('hook.secret'), for_a_minute: true },
      { secret, for_a_minute: null },
    ])
  })

  it('events and replay find a dead one and send it again', async ({ expect }) => {
    const { sql } = operated.database
    await sql`
      select ledger.emit('payment.settled', '00000000-0000-4000-8000-000000000001', ${provider})`
    await sql`update ledger.events set state = 'dead', ended_at = ledger.clock(), last_answer = '500'`

    const listed = await admin(`events --provider ${provider}`)
    const id = /^\S+/.exec(listed.out)?.[0] ?? ''
    const replayed = await admin(`replay --provider ${provider} --event ${id} --json`)
    const none = await admin(`replay --provider ${provider} --since 2026-01-01T00:00:00Z --json`)

    expect(listed.out).toMatch(/payment\.settled .* attempt 1 +500/)
    expect(JSON.parse(replayed.out)).toMatchObject({ replayed: 1 })
    expect(JSON.parse(none.out)).toMatchObject({ replayed: 1 })
    expect(await admin(`replay --provider ${provider}`)).toMatchObject({ exit: 2 })
  })

  it('remove ends it', async ({ expect }) => {
    const removed = await admin(`remove --provider ${provider}`)
    const again = await admin(`remove --provider ${provider}`)

    expect([removed.exit, again.exit]).toEqual([0, 4])
    expect((await admin('show')).out).toContain('nobody has a webhook')
    expect(await secrets()).toEqual([])
  })

  it.for(['put', 'rotate', 'events', 'replay', 'remove'])(
    '%s wants one holder',
    async (verb, { expect }) => {
      const rest =
        verb === 'put' ? `--url ${URL_OF_THEIRS} --out ${path('x')}` : `--out ${path('x')}`
      const options = ['put', 'rotate'].includes(verb) ? rest : ''
      const ran = await admin(`${verb} ${options}`.trim())

      expect(ran).toMatchObject({ exit: 2 })
    },
  )
})
