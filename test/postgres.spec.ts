import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import connect from 'postgres'
import { describe, it, onTestFinished } from 'vitest'
import { type Account, canReach, serverAccount } from '../local/postgres/account.ts'
import { isRunning, signal } from '../local/postgres/processes.ts'
import { type Postgres, PostgresInUse, postgresFromUrl, startPostgres } from '../local/postgres.ts'
import { ask, holdPostgres, lookInside } from './support/postgres-process.ts'

const isRoot = process.getuid?.() === 0
const other = await serverAccount()
const project = dirname(import.meta.dirname)
const isOpen = (await canReach(process.execPath, other)) && (await canReach(project, other))

/** Ours, and when we are root and the project is open to it, one that is not. */
const accounts: { who: string; account: Account | undefined }[] = [
  { who: isRoot ? 'root' : 'a normal user', account: undefined },
  ...(isRoot && isOpen ? [{ who: 'a normal user', account: other }] : []),
]

/** A folder that every account may enter, and use when `mode` says so. */
async function temporaryFolder(mode = 0o755): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'payos-spec-'))
  await chmod(path, mode)
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function start(options: { dataDir?: string; port?: number } = {}): Promise<Postgres> {
  const postgres = await startPostgres(options)
  onTestFinished(() => postgres.stop())
  return postgres
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

describe('starting', () => {
  it.for(accounts)('needs nothing installed, as $who', async ({ account }, { expect }) => {
    const holder = await holdPostgres({ account, tmp: await temporaryFolder(0o777) })

    await ask(holder.url, 'create extension pgtap; create extension pgcrypto')
    const answer = await ask(holder.url, 'show server_version')

    expect(answer).toEqual([{ server_version: expect.stringMatching(/^17\./) }])
    await holder.release()
  })

  it('two at once, the first ever here, share nothing', async ({ expect }) => {
    const tmp = await temporaryFolder()

    const holders = await Promise.all([holdPostgres({ tmp }), holdPostgres({ tmp })])
    const [one, two] = await Promise.all(holders.map(({ url }) => lookInside(url)))

    expect(new Set(holders.map(({ url }) => url)).size).toBe(2)
    expect(one?.data).not.toBe(two?.data)
    await Promise.all(holders.map(({ release }) => release()))
  })

  it('takes the port it is given, or fails when that is taken', async ({ expect }) => {
    const { port } = await start()

    await expect(startPostgres({ port })).rejects.toThrow(/Address already in use/i)
  })

  it('makes every commit durable', async ({ expect }) => {
    const { url } = await start()

    const answer = await ask(url('postgres'), `select name, setting from pg_settings order by name`)

    expect(answer).toEqual(
      expect.arrayContaining([
        { name: 'fsync', setting: 'on' },
        { name: 'full_page_writes', setting: 'on' },
        { name: 'synchronous_commit', setting: 'on' },
      ]),
    )
  })
})

describe('keeping data', () => {
  it.for([
    { where: 'a plain folder', mode: 0o755 },
    { where: 'a folder closed to others', mode: 0o700 },
  ])('in $where, it is there after stop and start', async ({ mode }, { expect }) => {
    const home = await temporaryFolder(mode)
    const dataDir = join(home, 'postgres')
    const first = await start({ dataDir })
    const { data } = await lookInside(first.url('postgres'))
    onTestFinished(() => rm(dirname(data), { recursive: true, force: true }))
    await ask(first.url('postgres'), 'create table kept as select 7 as value')
    await first.stop()

    const second = await start({ dataDir })

    expect(await ask(second.url('postgres'), 'select * from kept')).toEqual([{ value: 7 }])
  })

  it('refuses a data directory that another one serves, and names its port', async ({ expect }) => {
    const dataDir = join(await temporaryFolder(), 'postgres')
    const { port } = await start({ dataDir })

    const refusal = await startPostgres({ dataDir }).catch((cause: unknown) => cause)

    expect(refusal).toBeInstanceOf(PostgresInUse)
    expect(refusal).toMatchObject({ port })
  })

  it('begins anew where an earlier beginning was cut short', async ({ expect }) => {
    const dataDir = join(await temporaryFolder(), 'postgres')
    await mkdir(join(dataDir, 'data-cut'), { recursive: true })
    await writeFile(join(dataDir, 'data-cut', 'PG_VERSION'), '17\n')

    const postgres = await start({ dataDir })

    expect(await ask(postgres.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('a crash', () => {
  it('loses nothing that was committed', async ({ expect }) => {
    const postgres = await start()
    await ask(postgres.url('postgres'), 'create table payments (id int primary key)')
    const sql = connect(postgres.url('postgres'), { max: 8, onnotice: () => {} })
    const acknowledged: number[] = []
    let next = 0
    const write = async (): Promise<void> => {
      const id = next++
      await sql`insert into payments values (${id})`
      acknowledged.push(id)
      if (acknowledged.length === 400) await postgres.kill()
      return write()
    }

    await Promise.allSettled(Array.from({ length: 8 }, write))
    await sql.end({ timeout: 0 })
    await postgres.restart()

    const rows = await ask<{ id: number }>(postgres.url('postgres'), 'select id from payments')
    const survived = new Set(rows.map(({ id }) => id))
    expect(acknowledged.length).toBeGreaterThanOrEqual(400)
    expect(acknowledged.filter((id) => !survived.has(id))).toEqual([])
  })

  it('leaves no process behind, and the port to come back on', async ({ expect }) => {
    const postgres = await start()
    const { pids, keeper } = await lookInside(postgres.url('postgres'))

    await postgres.kill()

    expect(pids.filter((pid) => pid !== keeper && isRunning(pid))).toEqual([])
    await postgres.restart()
    expect(await ask(postgres.url('postgres'), 'show port')).toEqual([{ port: `${postgres.port}` }])
  })

  it('of its first process alone is recovered from, a statement under way', async ({ expect }) => {
    const postgres = await start()
    const { postmaster } = await lookInside(postgres.url('postgres'))
    const sql = connect(postgres.url('postgres'), { max: 1, fetch_types: false })
    const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
    const endless = sql`select count(*) from generate_series(1, 1e12::bigint)`.catch(() => 'lost')
    const state = `select state from pg_stat_activity where pid = ${backend?.pid}`
    const asked = () => ask(postgres.url('postgres'), state)
    await expect.poll(asked).toEqual([{ state: 'active' }])

    signal(postmaster, 'SIGKILL')
    await expect.poll(() => isRunning(postmaster)).toBe(false)
    await postgres.restart()

    expect(await endless).toBe('lost')
    expect(isRunning(backend?.pid ?? 0)).toBe(false)
    await sql.end({ timeout: 0 })
  })

  it('whose lock file names a process of somebody else is recovered from', async ({ expect }) => {
    const dataDir = join(await temporaryFolder(), 'postgres')
    const postgres = await start({ dataDir })
    const { data } = await lookInside(postgres.url('postgres'))
    await postgres.kill()
    const lock = join(data, 'postmaster.pid')
    const [, ...rest] = (await readFile(lock, 'utf8')).split('\n')
    const bystander = spawn('cat', { ...other, cwd: '/' })
    onTestFinished(() => void bystander.stdin.end())
    await writeFile(lock, [bystander.pid, ...rest].join('\n'))

    await postgres.restart()

    expect(await ask(postgres.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }])
    expect(bystander.exitCode ?? bystander.signalCode).toBe(null)
  })
})

describe('ending', () => {
  it('leaves no process and no temporary data', async ({ expect }) => {
    const postgres = await start()
    const { pids, data } = await lookInside(postgres.url('postgres'))

    await postgres.stop()

    await expect.poll(() => pids.filter(isRunning)).toEqual([])
    expect(await exists(dirname(data))).toBe(false)
    await expect(postgres.restart()).rejects.toThrow('temporary data went with stop')
  })

  it('follows the Node process that started it, however that ends', async ({ expect }) => {
    const holder = await holdPostgres()
    const { pids, data } = await lookInside(holder.url)

    holder.process.kill('SIGKILL')

    await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([])
    expect(await exists(dirname(data))).toBe(false)
  })

  it('comes at the next start when nobody was left to see to it', async ({ expect }) => {
    const dataDir = join(await temporaryFolder(), 'postgres')
    const holder = await holdPostgres({ dataDir })
    const { keeper, postmaster } = await lookInside(holder.url)
    await ask(holder.url, 'create table kept as select 7 as value')
    signal(keeper, 'SIGKILL')
    holder.process.kill('SIGKILL')
    await expect.poll(() => isRunning(keeper)).toBe(false)
    expect(isRunning(postmaster)).toBe(true)

    const postgres = await start({ dataDir })

    expect(isRunning(postmaster)).toBe(false)
    expect(await ask(postgres.url('postgres'), 'select * from kept')).toEqual([{ value: 7 }])
  })

  it('is refused for a server of the user', async ({ expect }) => {
    const postgres = postgresFromUrl('postgres://owner:secret@db.example:6543/app?sslmode=require')

    await expect(postgres.kill()).rejects.toThrow('PayOS does not kill it')
    await expect(postgres.restart()).rejects.toThrow('PayOS does not restart it')
    expect(postgres.url('x')).toBe('postgres://owner:secret@db.example:6543/x?sslmode=require')
    expect(postgres.url('x', 'me')).toBe('postgres://me@db.example:6543/x?sslmode=require')
  })
})
