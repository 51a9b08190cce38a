/** The longest address of a webhook, in characters. */
const LENGTH_MAX = 1024

export type WebhookUrlFault = 'length' | 'form' | 'scheme' | 'port' | 'host'

export type WebhookUrlTerms = {
  /** The host of this deployment: nothing is sent to ourselves. */
  ownHost: string
  allowLoopbackHttp: boolean
}

/**
 * Why nothing is posted to a URL; undefined when it may be.
 *
 * Takes https at a public name of the DNS, on the standard port, spelled as a URL parser writes it.
 * No address is taken, in no notation: whoever has a webhook has a name, and names of the inside
 * have no public top level. What a name leads to is the runtime's to judge, at each connection.
 */
export function webhookUrlFault(
  text: string,
  { ownHost, allowLoopbackHttp }: WebhookUrlTerms,
): WebhookUrlFault | undefined {
  if (text.length > LENGTH_MAX) return 'length'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !isPlain(text, url)) return 'form'
  if (allowLoopbackHttp && isLoopbackHttp(url)) return undefined
  if (url.protocol !== 'https:') return 'scheme'
  if (url.port !== '') return 'port'
  return isPublicName(url.hostname) && !isWithin(url.hostname, ownHost) ? undefined : 'host'
}

/** A parser repairs much, and what it repairs is read in different ways elsewhere. */
const isPlain = (text: string, url: URL) =>
  url.href === text && url.username === '' && url.password === '' && !text.includes('#')

const isLoopbackHttp = ({ protocol, hostname }: URL) =>
  protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)

/** Top levels that lead to the inside of somebody's network, or nowhere. */
const INNER = /\.(arpa|corp|home|internal|intranet|lan|local|localhost|onion|private)$/

/** Letters of other scripts look like ours, so a name that holds any is not taken. */
function isPublicName(host: string): boolean {
  const labels = host.split('.')
  const isLabel = (label: string) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)
  return (
    labels.length > 1 &&
    labels.every((label) => isLabel(label) && !label.startsWith('xn--')) &&
    /^[a-z]{2,}$/.test(labels.at(-1) ?? '') &&
    !INNER.test(host)
  )
}

const isWithin = (host: string, ownHost: string) => host === ownHost || host.endsWith(`.${ownHost}`)
