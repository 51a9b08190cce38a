import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, inject, it, onTestFinished } from 'vitest'
import {
  applyMigrations,
  cloneDatabase,
  listMigrations,
  pendingMigrations,
  prepareRoles,
} from '../local/database.ts'
import { postgresFromUrl, startPostgres } from '../local/postgres.ts'
import { openDatabase } from './support/postgres.ts'
import { ask } from './support/postgres-process.ts'

const FIRST = '20260101000000_first.sql'
const SECOND = '20260102000000_second.sql'

/** A database of its own and a folder of migrations, which the caller may then change. */
async function migrationsIn(files: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'payos-migrations-'))
  const { url, close } = await openDatabase()
  await ask(url(), 'drop schema supabase_migrations cascade')
  onTestFinished(async () => {
    await close()
    await rm(directory, { recursive: true })
  })
  const write = (name: string, text: string) => writeFile(join(directory, name), text)
  for (const [name, text] of Object.entries(files)) await write(name, text)
  return { directory, url: url(), write, remove: (name: string) => rm(join(directory, name)) }
}

describe('migrations', () => {
  it('apply in order, once, and say so', async ({ expect }) => {
    const { url, directory } = await migrationsIn({
      [SECOND]: 'insert into public.things values (2);',
      [FIRST]: 'create table public.things (id int); insert into public.things values (1);',
    })
    const steps: string[] = []

    expect(await pendingMigrations(url, { directory })).toHaveLength(2)
    await applyMigrations(url, { directory, onStep: ({ name }) => steps.push(name) })
    const again = await applyMigrations(url, { directory })

    expect(steps).toEqual(['first', 'second'])
    expect(again).toEqual([])
    expect(await ask(url, 'select id from public.things')).toEqual([{ id: 1 }, { id: 2 }])
    expect(await pendingMigrations(url, { directory })).toEqual([])
  })

  it('are recorded where the Supabase CLI looks', async ({ expect }) => {
    const { url, directory } = await migrationsIn({ [FIRST]: 'select 1;' })

    await applyMigrations(url, { directory })

    const history = 'select version, name, statements from supabase_migrations.schema_migrations'
    expect(await ask(url, history)).toEqual([
      { version: '20260101000000', name: 'first', statements: ['select 1;'] },
    ])
  })

  it('apply once when two callers do it at the same time', async ({ expect }) => {
    const { url, directory } = await migrationsIn({
      [FIRST]: 'create table public.things (id int);',
      [SECOND]: 'insert into public.things values (2);',
    })

    const applied = await Promise.all([1, 2, 3].map(() => applyMigrations(url, { directory })))

    expect(
      applied
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['first', 'second'])
    expect(await ask(url, 'select id from public.things')).toEqual([{ id: 2 }])
  })

  it('change nothing when one fails half-way, and name its line', async ({ expect }) => {
    const { url, directory } = await migrationsIn({
      [FIRST]: 'create table public.things (id int);',
      [SECOND]: 'insert into public.things values (2);\ninsert into public.nothing values (3);',
    })

    const running = applyMigrations(url, { directory })

    await expect(running).rejects.toThrow(`${SECOND}:2: relation "public.nothing" does not exist`)
    expect(await ask(url, 'select id from public.things')).toEqual([])
    expect(await pendingMigrations(url, { directory })).toMatchObject([{ name: 'second' }])
  })

  it('leave no setting behind for the next', async ({ expect }) => {
    const { url, directory } = await migrationsIn({
      [FIRST]: 'set search_path = pg_catalog;',
      [SECOND]: `create table public.paths as select current_setting('search_path') as path;`,
    })

    await applyMigrations(url, { directory })

    expect(await ask(url, 'select path from public.paths')).toEqual([{ path: '"$user", public' }])
  })

  it.for([
    { name: '1_short.sql', complaint: "no migration's name" },
    { name: '20260101000000_twin.sql', complaint: 'two migrations have the version' },
  ])('refuse a file called $name', async ({ name, complaint }, { expect }) => {
    const { url, directory } = await migrationsIn({ [FIRST]: '', [name]: '' })

    await expect(applyMigrations(url, { directory })).rejects.toThrow(complaint)
  })

  it('that the Supabase CLI applied are taken as applied', async ({ expect }) => {
    const { url, directory } = await migrationsIn({ [FIRST]: 'select 1;' })
    await ask(
      url,
      `create schema supabase_migrations;
       create table supabase_migrations.schema_migrations
         (version text primary key, statements text[], name text);
       insert into supabase_migrations.schema_migrations values ('20260101000000', '{}', 'first')`,
    )

    expect(await pendingMigrations(url, { directory })).toEqual([])
    expect(await applyMigrations(url, { directory })).toEqual([])
  })
})

describe('a history that differs from the files', () => {
  it.for([
    { what: 'a changed file', file: FIRST, text: 'select 2;', complaint: 'was changed after' },
    { what: 'a missing file', file: FIRST, text: null, complaint: 'missing on disk' },
    {
      what: 'a new file before an applied one',
      file: '20250101000000_late.sql',
      text: 'select 1;',
      complaint: 'comes before an applied one',
    },
  ])('is refused: $what', async ({ file, text, complaint }, { expect }) => {
    const { url, directory, write, remove } = await migrationsIn({ [FIRST]: 'select 1;' })
    await applyMigrations(url, { directory })

    if (text === null) await remove(file)
    else await write(file, text)

    await expect(applyMigrations(url, { directory })).rejects.toThrow(complaint)
    await expect(pendingMigrations(url, { directory })).rejects.toThrow(complaint)
    expect(await listMigrations(url, { directory })).not.toEqual([])
  })

  it('is not one of other line ends', async ({ expect }) => {
    const { url, directory, write } = await migrationsIn({ [FIRST]: 'select 1;\nselect 2;\n' })
    await applyMigrations(url, { directory })

    await write(FIRST, 'select 1;\r\nselect 2;\r\n')

    expect(await applyMigrations(url, { directory })).toEqual([])
  })
})

describe('a new server', () => {
  it('gets the roles of a hosted project, from any number of callers at once', async ({
    expect,
  }) => {
    const postgres = await startPostgres()
    onTestFinished(() => postgres.stop())

    await Promise.all(
      [1, 2, 3, 4].map(() => prepareRoles(postgres, { authenticatorPassword: `it's` })),
    )

    const roles = await ask(
      postgres.url('postgres'),
      `select rolname as name, rolcanlogin as login, rolinherit as inherit, rolbypassrls as bypass,
              rolsuper as super, pg_has_role('authenticator', oid, 'set') as granted
         from pg_roles where rolname !~ '^(pg_|postgres)' order by rolname`,
    )
    const plain = { login: false, inherit: false, bypass: false, super: false, granted: true }
    expect(roles).toEqual([
      { ...plain, name: 'anon' },
      { ...plain, name: 'authenticated' },
      { ...plain, name: 'authenticator', login: true },
      { ...plain, name: 'service_role', bypass: true },
    ])
  })

  it('takes the migrations from an owner who is no superuser, as hosted ones do', async ({
    expect,
  }) => {
    const postgres = await startPostgres()
    onTestFinished(() => postgres.stop())
    await prepareRoles(postgres)
    await ask(postgres.url('postgres'), 'create role owner login createdb createrole bypassrls')
    await ask(postgres.url('postgres'), 'create database project owner owner')

    await applyMigrations(postgres.url('project', 'owner'))

    expect(await pendingMigrations(postgres.url('project', 'owner'))).toEqual([])
  })
})

describe('a clone', () => {
  it('has every migration, and nothing of another clone', async ({ expect }) => {
    const one = await openDatabase()
    const two = await openDatabase()
    onTestFinished(async () => void (await Promise.all([one.close(), two.close()])))

    await one.sql`create table public.mine (id int)`

    const table = await two.sql`select to_regclass('public.mine') as mine`
    expect([...table]).toEqual([{ mine: null }])
    expect(await pendingMigrations(two.url())).toEqual([])
  })

  it('can be made by many at once', async ({ expect }) => {
    const many = await Promise.all([1, 2, 3, 4].map(() => openDatabase()))
    onTestFinished(async () => void (await Promise.all(many.map(({ close }) => close()))))

    expect(new Set(many.map(({ name }) => name)).size).toBe(4)
  })

  it('is refused under a name that is taken', async ({ expect }) => {
    const { superuserUrl, template } = inject('postgres')
    const server = postgresFromUrl(superuserUrl)

    await expect(cloneDatabase(server, template, 'postgres')).rejects.toThrow('already exists')
  })
})
