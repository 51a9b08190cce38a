/** Where origins are to be found on this machine, as a hosts file says it of names. */
export class Hosts {
  readonly #places = new Map<string, string>()

  set(origin: string, place: string): void {
    this.#places.set(origin, place)
  }

  /** The URL to connect to for a URL; itself, when nothing is said of its origin. */
  locate(url: string): string {
    for (const [origin, place] of this.#places) {
      if (url.startsWith(`${origin}/`)) return place + url.slice(origin.length)
    }
    return url
  }
}
