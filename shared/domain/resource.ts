import { encodeBase64url } from './base64url.ts'
import { sha256 } from './digest.ts'

/** The longest resource in bytes, as it was given and as it is parsed. */
const BYTES_MAX = 1024

type ResourceFault =
  | 'length'
  | 'control'
  | 'syntax'
  | 'scheme'
  | 'credentials'
  | 'fragment'
  | 'slash'
  | 'dot_segment'

export type ParsedResource =
  | { ok: true; href: string; origin: string; path: string }
  | { ok: false; reason: ResourceFault }

/**
 * Reads the URL an agent pays for, as the WHATWG URL standard parses it; it is never fetched.
 *
 * Refuses what servers are known to read differently: credentials, a fragment, a backslash, white
 * space, a control character, and in the path an encoded slash or a dot segment, however written.
 * Only https, or http to the loopback addresses where that is allowed.
 */
export function parseResource(
  text: string,
  options: { allowLoopbackHttp: boolean },
): ParsedResource {
  const fault = faultOfText(text)
  if (fault) return { ok: false, reason: fault }

  const url = parseUrl(text)
  if (!url) return { ok: false, reason: 'syntax' }
  if (url.href.length > BYTES_MAX) return { ok: false, reason: 'length' }
  if (!isAllowedScheme(url, options.allowLoopbackHttp)) return { ok: false, reason: 'scheme' }
  return { ok: true, href: url.href, origin: url.origin, path: url.pathname }
}

/** Whether a resource has the registered URL's origin, and its path or one below it. */
export function isWithin(registeredUrl: string, href: string): boolean {
  const base = parseUrl(registeredUrl)
  const url = parseUrl(href)
  if (!base || !url || base.origin !== url.origin || base.origin === 'null') return false
  const below = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`
  return url.pathname === base.pathname || url.pathname.startsWith(below)
}

/** Names a method and a resource in a proof: base64url of half of the SHA-256 of the two. */
export async function resourceHash(method: string, href: string): Promise<string> {
  return encodeBase64url((await sha256(`${method.toUpperCase()} ${href}`)).slice(0, 16))
}

export const parseUrl = (text: string) => (URL.canParse(text) ? new URL(text) : undefined)

/** What a parser would quietly repair, and so must be judged before it parses. */
function faultOfText(text: string): ResourceFault | undefined {
  if (text.length > BYTES_MAX || new TextEncoder().encode(text).length > BYTES_MAX) return 'length'
  if (/[\p{Cc}\p{Cs}\s]/u.test(text)) return 'control'
  const [, authority, path] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]+)([^?#]*)/i.exec(text) ?? []
  if (authority === undefined || path === undefined) return 'syntax'
  if (authority.includes('@')) return 'credentials'
  if (text.includes('#')) return 'fragment'
  return faultOfPath(path)
}

function faultOfPath(path: string): ResourceFault | undefined {
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return 'control'
  if (/\\|%2f|%5c/i.test(path)) return 'slash'
  if (path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) return 'dot_segment'
  return undefined
}

/** Whether a URL is https, or http to a loopback address where that is allowed. */
export const isAllowedScheme = ({ protocol, hostname }: URL, allowLoopbackHttp: boolean): boolean =>
  protocol === 'https:' || (protocol === 'http:' && allowLoopbackHttp && loopback.test(hostname))

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
