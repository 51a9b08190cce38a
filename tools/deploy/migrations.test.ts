import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'vitest'
import { headerOf, undoOf } from './migrations.ts'

const directory = new URL('../../supabase/migrations/', import.meta.url)

describe('the header of a migration', () => {
  it('ends where the statements begin', ({ expect }) => {
    expect(headerOf('-- What it does.\r\n--\r\n-- Undo: drop it.\r\n\r\nselect 1; -- why')).toBe(
      'What it does.\n\nUndo: drop it.',
    )
  })

  it('has its undo note at the end, on as many lines as it takes', ({ expect }) => {
    expect(undoOf('What.\nUndo: drop this,\nthen that.')).toBe('drop this, then that.')
    expect(undoOf('What.')).toBeUndefined()
  })

  it.for(readdirSync(directory))('of %s says how to take it back', (file, { expect }) => {
    expect(undoOf(headerOf(readFileSync(new URL(file, directory), 'utf8')))).toMatch(/\w/)
  })
})
