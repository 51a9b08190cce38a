/** What happens to one request on its way: it is handed on, or not, and its answer arrives, or not. */
export type Mishap = 'lost_request' | 'lost_answer' | 'garbled_answer'

/**
 * A network on which the next requests to a path meet with mishaps, in order; the others do not.
 */
export function mishaps(path: string, planned: Mishap[]): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const mishap = url.includes(path) ? planned.shift() : undefined
    if (mishap === 'lost_request') throw new TypeError('fetch failed')
    const response = await fetch(input, init)
    if (mishap === 'lost_answer') {
      await response.body?.cancel()
      throw new TypeError('terminated')
    }
    return mishap === 'garbled_answer' ? new Response('<html>502</html>') : response
  }
}
