/** Drawing: what charts are made of. Sizes are in pixels, colours readable on white and in grey. */
export const colours = {
  ours: '#0b6e4f',
  ours2: '#4fa583',
  ours3: '#9bcdb5',
  other: '#8a8f98',
  other2: '#b4b9c1',
  limit: '#c0392b',
  text: '#1f2328',
  faint: '#d8dee4',
} as const

type Attributes = Record<string, string | number>

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

function element(name: string, attributes: Attributes, content = ''): string {
  const list = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : escaped(value)
    return ` ${key}="${text}"`
  })
  return `<${name}${list.join('')}>${content}</${name}>`
}

export const rect = (at: { x: number; y: number; width: number; height: number }, fill: string) =>
  element('rect', { ...at, fill, rx: 2 })

export const line = (
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  look: { stroke: string; width?: number; dashed?: boolean },
) =>
  element('line', {
    ...{ x1, y1, x2, y2, stroke: look.stroke, 'stroke-width': look.width ?? 1 },
    ...(look.dashed && { 'stroke-dasharray': '4 3' }),
  })

export const polyline = (points: readonly (readonly [number, number])[], stroke: string) =>
  element('polyline', {
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' '),
    ...{ fill: 'none', stroke, 'stroke-width': 2 },
  })

export const dot = ([cx, cy]: readonly [number, number], fill: string) =>
  element('circle', { cx, cy, r: 3, fill })

export function text(
  [x, y]: readonly [number, number],
  content: string,
  look: { anchor?: 'start' | 'middle' | 'end'; fill?: string; size?: number; bold?: boolean } = {},
): string {
  return element(
    'text',
    {
      ...{ x, y, 'text-anchor': look.anchor ?? 'start', fill: look.fill ?? colours.text },
      'font-size': look.size ?? 12,
      ...(look.bold && { 'font-weight': 'bold' }),
    },
    escaped(content),
  )
}

/** A whole picture, titled for those who cannot see it as well. */
export function picture(
  { width, height, title }: { width: number; height: number; title: string },
  parts: readonly string[],
): string {
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
  const font = 'font-family="system-ui, -apple-system, Segoe UI, sans-serif"'
  const body = [
    element('title', {}, escaped(title)),
    element('rect', { width, height, fill: '#ffffff', rx: 6 }),
    text([16, 26], title, { size: 15, bold: true }),
    ...parts,
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" ${font}>\n${body.join('\n')}\n</svg>\n`
}
