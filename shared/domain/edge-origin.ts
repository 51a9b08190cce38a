import { isAllowedScheme, parseUrl } from './resource.ts'

/**
 * The origin at which an edge is called: https, or in the test environment http to this machine.
 *
 * Nothing when the text is another address, or more than an origin.
 */
export function edgeOriginOf(text: string, environment: 'test' | 'live'): string | undefined {
  const url = parseUrl(text)
  const isOrigin = url && `${url.origin}/` === url.href
  return isOrigin && isAllowedScheme(url, environment === 'test') ? url.origin : undefined
}
