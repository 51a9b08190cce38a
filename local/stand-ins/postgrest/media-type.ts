import { Refusal, unsupported } from './failure.ts'

/** How the answer is written: one value, or (`singular`) exactly one row without its array. */
export type Format = { contentType: string; singular: boolean }

const JSON_FORMAT: Format = { contentType: 'application/json; charset=utf-8', singular: false }
const SINGULAR_FORMAT: Format = {
  contentType: 'application/vnd.pgrst.object+json; charset=utf-8',
  singular: true,
}

const FORMATS: Record<string, Format> = {
  '*/*': JSON_FORMAT,
  'application/json': JSON_FORMAT,
  'application/vnd.pgrst.object+json': SINGULAR_FORMAT,
  'application/vnd.pgrst.object': SINGULAR_FORMAT,
}

const UNSUPPORTED = /^(text\/csv|application\/geo\+json|application\/vnd\.pgrst\.array.*)$/

/** The first format of the Accept header, by its weights, that can be had. */
export function formatFor(accept: string | undefined): Format {
  const wanted = accept ? accept.split(',').map(readRange).toSorted(byWeight) : [readRange('*/*')]
  for (const { type, strips } of wanted) {
    if (UNSUPPORTED.test(type)) throw unsupported(`answers of type ${type}`)
    const format = FORMATS[type]
    if (format && strips) throw unsupported('answers without nulls')
    if (format) return format
  }
  throw new Refusal({
    status: 406,
    code: 'PGRST107',
    message: `None of these media types are available: ${wanted.map((it) => it.type).join(', ')}`,
  })
}

type Range = { type: string; weight: number; strips: boolean }

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((it) => it.startsWith('q='))
  return {
    type,
    weight: weight ? Number(weight.slice(2)) : 1,
    strips: parameters.includes('nulls=stripped'),
  }
}

const byWeight = (a: Range, b: Range) => b.weight - a.weight
