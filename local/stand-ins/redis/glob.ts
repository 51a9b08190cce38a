const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g

/** A Redis glob as a pattern: `*`, `?`, `[abc]`, `[^a-z]`, and a backslash before the literal. */
export function globToPattern(glob: string): RegExp {
  const parts = glob.match(/\\[\s\S]|\[\^?(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/g) ?? []
  return new RegExp(`^${parts.map(partToPattern).join('')}$`, 's')
}

function partToPattern(part: string): string {
  if (part === '*') return '.*'
  if (part === '?') return '.'
  if (part.startsWith('[') && part.length > 1) return classToPattern(part)
  return (part.length === 2 ? part.slice(1) : part).replace(SPECIAL, '\\$&')
}

function classToPattern(part: string): string {
  const negated = part[1] === '^'
  const members = part.slice(negated ? 2 : 1, -1)
  if (members === '') return negated ? '.' : '(?!)'
  return `[${negated ? '^' : ''}${members.replace(/[\^[]/g, '\\$&')}]`
}
