import { notDone } from './refusal.ts'

type Filterable = {
  messageId: string
  url: string
  createdAt: number
  time?: number
  dlqId?: string
  topicName?: string | undefined
  queueName?: string | undefined
  scheduleId?: string | undefined
  flowControlKey?: string | undefined
  labels?: string[] | undefined
  callerIP?: string
  responseStatus?: number | undefined
  state?: string
}

/** How records are given, and paged unless the query asks for the other. */
type Order = 'earliestFirst' | 'latestFirst'

const IN_PROGRESS = ['ACTIVE', 'RETRY', 'ERROR']

const FIELDS: Record<string, (it: Filterable) => unknown[]> = {
  messageId: (it) => [it.messageId],
  messageIds: (it) => [it.messageId],
  dlqIds: (it) => [it.dlqId],
  url: (it) => [it.url],
  host: (it) => [new URL(it.url).host],
  path: (it) => [new URL(it.url).pathname],
  topicName: (it) => [it.topicName],
  queueName: (it) => [it.queueName],
  scheduleId: (it) => [it.scheduleId],
  flowControlKey: (it) => [it.flowControlKey],
  label: (it) => it.labels ?? [],
  callerIp: (it) => [it.callerIP],
  callerIP: (it) => [it.callerIP],
  responseStatus: (it) => [it.responseStatus],
  state: (it) => [it.state, IN_PROGRESS.includes(it.state ?? '') ? 'IN_PROGRESS' : undefined],
}

const PAGING = ['count', 'cursor', 'order', 'fromDate', 'toDate', 'qstash_token']

/**
 * Which records a query concerns: any of the values of a filter, all of the filters.
 *
 * A filter this stand-in does not know is refused, because ignoring it would widen the selection.
 */
export function filterOf(query: URLSearchParams): (it: Filterable) => boolean {
  const names = new Set(query.keys())
  for (const name of names) {
    if (!FIELDS[name] && !PAGING.includes(name)) throw notDone(`the filter ${name}`)
  }
  const from = Number(query.get('fromDate') ?? 0)
  const to = Number(query.get('toDate') ?? Number.POSITIVE_INFINITY)
  const wanted = [...names].flatMap((name) => {
    const read = FIELDS[name]
    return read ? [{ read, values: valuesOf(query, name) }] : []
  })
  return (it) => {
    const at = it.time ?? it.createdAt
    const matches = ({ read, values }: (typeof wanted)[number]) =>
      read(it).some((value) => value !== undefined && values.has(String(value)))
    return at >= from && at <= to && wanted.every(matches)
  }
}

/** One page of at most a hundred records, and the cursor of the next one when there is more. */
export function pageOf<It>(query: URLSearchParams, records: It[], order: Order) {
  const count = Math.min(100, Number(query.get('count') ?? 100))
  const start = Number(query.get('cursor') ?? 0)
  const ordered = (query.get('order') ?? order) === order ? records : records.toReversed()
  const page = ordered.slice(start, start + count)
  const more = start + count < ordered.length
  return { page, cursor: more ? String(start + count) : undefined }
}

function valuesOf(query: URLSearchParams, name: string): Set<string> {
  const values = query.getAll(name)
  // A URL may hold a comma of its own.
  return new Set(name === 'url' ? values : values.flatMap((value) => value.split(',')))
}
