import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

type Line = { table: string; key: string; value?: unknown }

/**
 * Named tables that survive a restart when they have a file.
 *
 * The file holds one JSON line per change and is replayed, then shortened, at the next start. A last
 * line that a crash cut short is a change that was never acknowledged, and is left out.
 */
export class Store {
  readonly #path: string | undefined
  readonly #rows = new Map<string, Map<string, unknown>>()

  constructor(path: string | undefined) {
    this.#path = path
    if (path === undefined || !existsSync(path)) return
    for (const line of linesOf(path)) this.#apply(line)
    this.#shorten(path)
  }

  table<Row>(name: string): Table<Row> {
    const rows = this.#rowsOf(name) as Map<string, Row>
    return new Table(rows, (key, value) => this.#write({ table: name, key, value }))
  }

  #apply({ table, key, value }: Line): void {
    if (value === undefined) this.#rowsOf(table).delete(key)
    else this.#rowsOf(table).set(key, value)
  }

  #rowsOf(name: string): Map<string, unknown> {
    const rows = this.#rows.get(name) ?? new Map<string, unknown>()
    this.#rows.set(name, rows)
    return rows
  }

  #write(line: Line): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(line)}\n`)
  }

  #shorten(path: string): void {
    const lines = [...this.#rows].flatMap(([table, rows]) =>
      [...rows].map(([key, value]) => `${JSON.stringify({ table, key, value })}\n`),
    )
    writeFileSync(`${path}.new`, lines.join(''))
    renameSync(`${path}.new`, path)
  }
}

/** Rows by key, in the order their keys were first written. */
export class Table<Row> {
  readonly #rows: Map<string, Row>
  readonly #write: (key: string, value: Row | undefined) => void

  constructor(rows: Map<string, Row>, write: (key: string, value: Row | undefined) => void) {
    this.#rows = rows
    this.#write = write
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  set(key: string, row: Row): void {
    this.#rows.set(key, row)
    this.#write(key, row)
  }

  delete(key: string): boolean {
    const existed = this.#rows.delete(key)
    if (existed) this.#write(key, undefined)
    return existed
  }

  rows(): Row[] {
    return [...this.#rows.values()]
  }

  entries(): IterableIterator<[string, Row]> {
    return this.#rows.entries()
  }

  clear(): void {
    for (const key of [...this.#rows.keys()]) this.delete(key)
  }
}

function linesOf(path: string): Line[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const whole = lines.slice(0, -1)
  return whole.map((line) => JSON.parse(line) as Line)
}
