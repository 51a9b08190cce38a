const BLOCK = 512

/** The plain files of a tar archive, by path. Long-name extensions are not understood. */
export function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let at = 0
  while (at + BLOCK <= archive.length && archive[at] !== 0) {
    const size = Number.parseInt(text(archive, at + 124, 12).trim() || '0', 8)
    const kind = text(archive, at + 156, 1)
    const content = archive.subarray(at + BLOCK, at + BLOCK + size)
    if (kind === '0' || kind === '') files.set(text(archive, at, 100), content)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

/** A header field: ASCII, ended by a zero byte when shorter than its room. */
function text(archive: Buffer, start: number, length: number): string {
  const field = archive.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end === -1 ? length : end)
}
