import type { Figure } from '../scenario.ts'

/** A value with its unit, with as many digits as mean something. */
export function format(value: number, unit: Figure['unit']): string {
  if (unit === 'USD') return `${plain(value, value < 100 ? 2 : 0)} USD`
  if (value === 1 && unit.endsWith('s') && unit.length > 2) return `1 ${unit.slice(0, -1)}`
  return `${plain(value)} ${unit}`
}

function plain(value: number, decimals = digitsFor(value)): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
}

function digitsFor(value: number): number {
  const size = Math.abs(value)
  if (size >= 100 || Number.isInteger(value)) return 0
  return size >= 10 ? 1 : size >= 1 ? 2 : 3
}
