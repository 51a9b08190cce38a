type Operation = (first: number, ...rest: number[]) => number

const rotateLeft = (value: number, by: number) => {
  const bits = by & 31
  return bits === 0 ? value : (value << bits) | (value >>> (32 - bits))
}

const swapBytes = (value: number) =>
  ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)

const operations: Record<string, Operation> = {
  tobit: (value) => value,
  bnot: (value) => ~value,
  bswap: swapBytes,
  band: (first, ...rest) => rest.reduce((all, it) => all & it, first),
  bor: (first, ...rest) => rest.reduce((all, it) => all | it, first),
  bxor: (first, ...rest) => rest.reduce((all, it) => all ^ it, first),
  lshift: (value, by = 0) => value << (by & 31),
  rshift: (value, by = 0) => value >>> (by & 31),
  arshift: (value, by = 0) => value >> (by & 31),
  rol: (value, by = 0) => rotateLeft(value, by),
  ror: (value, by = 0) => rotateLeft(value, -by),
}

const word = new DataView(new ArrayBuffer(8))

/** Rounds to even and wraps to 32 bits with sign: the low word of the number plus 2^52 + 2^51. */
function toBit(value: number): number {
  word.setFloat64(0, value + 2 ** 52 + 2 ** 51)
  return word.getInt32(4)
}

/** What `bit.<name>` answers: an integer, or text for `tohex`. */
export function bitOperation(name: string, args: number[]): number | string {
  const [first = 0, ...rest] = args.map(toBit)
  if (name === 'tohex') return toHex(first, rest[0] ?? 8)
  return (operations[name]?.(first, ...rest) ?? 0) | 0
}

/** The last digits in hexadecimal; a negative count asks for capitals. */
function toHex(value: number, digits: number): string {
  const count = Math.min(8, Math.abs(digits))
  const text = (value >>> 0)
    .toString(16)
    .padStart(8, '0')
    .slice(8 - count)
  return digits < 0 ? text.toUpperCase() : text
}
