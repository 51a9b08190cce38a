/**
 * Where a client keeps what it must not forget: purchases under way, and prices it has seen.
 *
 * When `put` or `remove` resolves, a crash no longer undoes it. One journal serves one client.
 */
export type Journal = {
  read(): Promise<ReadonlyMap<string, string>>
  put(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
}

/** A journal that lives as long as the process: calls are retried safely, restarts are not. */
export function memoryJournal(): Journal {
  const records = new Map<string, string>()
  return {
    read: async () => new Map(records),
    put: async (key, value) => {
      records.set(key, value)
    },
    remove: async (key) => {
      records.delete(key)
    },
  }
}

/**
 * A journal in a file of this client's own (Node, Deno, Bun): a restarted agent presents what it
 * paid for instead of paying again.
 *
 * Each line is a change, on disk before the call goes on. A line cut off by a crash is passed over.
 * Holds proofs, so the file is readable by its owner only.
 */
export function fileJournal(path: string): Journal {
  let opened: FileHandle | undefined
  const append = async (change: Change) => {
    const { open } = await import('node:fs/promises')
    opened ??= await open(path, 'a', 0o600)
    await opened.appendFile(`${JSON.stringify(change)}\n`)
    await opened.datasync()
  }
  return {
    async read() {
      const { readFile, rename, writeFile } = await import('node:fs/promises')
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if ((error as { code?: unknown }).code === 'ENOENT') return ''
        throw error
      })
      const records = new Map<string, string>()
      for (const [key, value] of text.split('\n').flatMap(changeIn)) {
        if (value === null) records.delete(key)
        else records.set(key, value)
      }
      // Written anew without what is over, so that it does not grow for ever.
      const lines = [...records].map((record) => `${JSON.stringify(record)}\n`)
      await writeFile(`${path}.new`, lines.join(''), { mode: 0o600 })
      await rename(`${path}.new`, path)
      return records
    },
    put: (key, value) => append([key, value]),
    remove: (key) => append([key, null]),
  }
}

type Change = [key: string, value: string | null]
type FileHandle = { appendFile(text: string): Promise<unknown>; datasync(): Promise<void> }

function changeIn(line: string): Change[] {
  try {
    const change: unknown = JSON.parse(line)
    return Array.isArray(change) && typeof change[0] === 'string' ? [change as Change] : []
  } catch {
    return []
  }
}
