import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'vitest'
import { problems } from '../shared/domain/problem.ts'

const ROOT = dirname(import.meta.dirname)
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Every file of the project that git knows or would take. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))

const sources = files.filter((path) => /\.(ts|sql|lua)$/.test(path))
const code = files.filter((path) => path.endsWith('.ts'))

/** What each room may import of the others; every arrow points down. */
const mayImport: Record<string, string[]> = {
  'shared/domain': ['shared/domain'],
  'shared/protocol': ['shared/domain', 'shared/protocol'],
  'shared/ports.ts': ['shared/domain'],
  'shared/ports': ['shared/domain', 'shared/ports.ts'],
  'shared/adapters': [
    'shared/domain',
    'shared/protocol',
    'shared/ports.ts',
    'shared/ports',
    'shared/adapters',
  ],
  functions: ['shared', 'functions'],
  'sdk/client': ['shared/domain', 'shared/protocol', 'sdk/client'],
  'sdk/provider': ['shared/domain', 'shared/protocol', 'sdk/provider'],
  'sdk/x402': ['shared/domain', 'shared/protocol', 'sdk/x402', 'sdk/client', 'sdk/provider'],
  'sdk/cli': ['shared/domain', 'shared/protocol', 'sdk/cli', 'sdk/client'],
  'sdk/testing': ['shared/domain', 'shared/protocol', 'sdk/testing'],
  local: ['local', 'examples'],
}

/** Packages only some rooms may use. */
const packageRooms: Record<string, RegExp> = {
  hono: /^(functions|sdk|examples|bench|test)\//,
  '@upstash/redis': /^(bench\/reference\/|test\/)/,
  '@supabase/postgrest-js': /^(bench\/reference\/|tools\/|test\/)/,
  miniflare: /^(local|test|bench)\//,
  wrangler: /^(local|test|tools|bench)\//,
}

const importsOf = (path: string): string[] =>
  [...read(path).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name]) => name ?? '')

const roomOf = (path: string): string | undefined =>
  Object.keys(mayImport)
    .sort((a, b) => b.length - a.length)
    .find((room) => path === room || path.startsWith(`${room}/`))

describe('the house', () => {
  // Code is formatted to 100 columns; text may stand out a little where breaking it reads worse.
  it('keeps every file at 250 lines or fewer, and every line at 110 columns', ({ expect }) => {
    const long = sources.filter((path) => read(path).split('\n').length > 251)
    const wide = code.filter((path) =>
      read(path)
        .split('\n')
        .some((line) => line.length > 110),
    )

    expect({ long, wide }).toEqual({ long: [], wide: [] })
  })

  it('lets imports point down only', ({ expect }) => {
    const upward = code
      .filter((path) => !/\.(test|spec)\.ts$/.test(path))
      .flatMap((path) => {
        const allowed = mayImport[roomOf(path) ?? '']
        if (!allowed) return []
        return importsOf(path)
          .filter((name) => name.startsWith('.'))
          .map((name) => normalize(join(dirname(path), name)))
          .filter(
            (target) => !allowed.some((room) => target === room || target.startsWith(`${room}/`)),
          )
          .map((target) => `${path} -> ${target}`)
      })

    expect(upward).toEqual([])
  })

  it('uses each provider package in its own room only', ({ expect }) => {
    const strays = code.flatMap((path) =>
      importsOf(path).flatMap((name) => {
        const owner = Object.keys(packageRooms).find(
          (it) => name === it || name.startsWith(`${it}/`),
        )
        return owner && !packageRooms[owner]?.test(path) ? [`${path} uses ${name}`] : []
      }),
    )

    expect(strays).toEqual([])
  })

  it('runs unmodified in a Worker: shared and functions use no Node module', ({ expect }) => {
    const strays = code.filter(
      (path) =>
        /^(shared|functions)\//.test(path) &&
        !path.endsWith('.test.ts') &&
        importsOf(path).some((name) => name.startsWith('node:')),
    )

    expect(strays).toEqual([])
  })

  it('counts no money in floats', ({ expect }) => {
    const floats = code.filter(
      (path) =>
        /^(shared|functions|sdk)\//.test(path) &&
        !path.endsWith('.test.ts') &&
        /\bNumber\(|parseFloat|\.toFixed\(/.test(read(path)),
    )

    // Durations of a Server-Timing header are no money.
    expect(floats).toEqual(['functions/trips.ts'])
  })

  it('reads clock and random through ports: the domain has neither', ({ expect }) => {
    const impure = code.filter(
      (path) =>
        path.startsWith('shared/domain/') &&
        !path.endsWith('.test.ts') &&
        /Date\.now|new Date\(\)|Math\.random|randomUUID|getRandomValues|\bfetch\(/.test(read(path)),
    )

    expect(impure).toEqual([])
  })

  it('leaves nothing skipped, focused or unfinished', ({ expect }) => {
    const marks = new RegExp(
      ['\\b(it|test|describe)\\.(skip|only|todo)\\b', 'TO' + 'DO', 'FIX' + 'ME'].join('|'),
    )

    expect(
      code.filter((path) => path !== 'test/tidy.spec.ts' && marks.test(withoutTap(read(path)))),
    ).toEqual([])
  })

  it('documents every problem code, in the order of the catalogue', ({ expect }) => {
    const headings = [...read('docs/problems.md').matchAll(/^## (\w+)$/gm)].map(([, code]) => code)

    expect(headings).toEqual(Object.keys(problems))
  })

  it('lists every decision by its number and title', ({ expect }) => {
    const index = [
      ...read('docs/decisions/README.md').matchAll(/^\| \[(\d{4})\]\((.+?)\) \| (.+?) \|/gm),
    ]
    const decisions = files.filter((path) => /^docs\/decisions\/\d/.test(path))

    expect(index.map(([, number, file, title]) => [file, `# ${number} ${title}`])).toEqual(
      decisions.map((path) => [path.split('/').at(-1), read(path).split('\n')[0]]),
    )
  })

  it('has a lock file that is complete for every platform', ({ expect }) => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      ),
    )

    expect(missing).toEqual([])
  })

  it('says of every table and every key of Redis what it is for', ({ expect }) => {
    const storage = read('docs/storage.md')
    const tables = files
      .filter((path) => path.startsWith('supabase/migrations/'))
      .flatMap((path) => [...read(path).matchAll(/^create table ledger\.(\w+)/gm)])
    const leases = read('shared/adapters/redis-leases.ts')
    const keys = [...leases.matchAll(/\bkey\('(\w+)'/g)].map(([, kind]) => `…:${kind}:`)

    expect([tables.length, keys.length].every((count) => count > 5)).toBe(true)
    expect(
      [...tables.map(([, name]) => `\`${name}\``), ...keys].filter((it) => !storage.includes(it)),
    ).toEqual([])
  })

  it('says how to undo each migration', ({ expect }) => {
    const migrations = files.filter((path) => path.startsWith('supabase/migrations/'))

    expect(migrations.length).toBeGreaterThan(0)
    expect(migrations.filter((path) => !/^-- Undo: /m.test(read(path)))).toEqual([])
  })
})

/** TAP has a mark of its own for what is not done yet, which a reader of TAP must know. */
const withoutTap = (text: string) => text.replace(/TODO as TAP|\bmarked TODO\b|# TODO/g, '')
