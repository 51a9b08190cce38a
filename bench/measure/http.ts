import { Agent, request } from 'node:http'

export type HttpAnswer = { status: number; headers: Record<string, string>; text: string }

export type HttpCall = { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string }

/** Calls over kept connections, as a client that has been here before does. */
export class HttpClient implements Disposable {
  // workerd closes what idles for five seconds; a request sent at that moment would be lost.
  readonly #agent = new Agent({ keepAlive: true, timeout: 3_000 })

  send(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
    const { method = call.body === undefined ? 'GET' : 'POST', body } = call
    const headers = {
      ...call.headers,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    }
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.#agent }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => {
          const headers = response.headers as Record<string, string>
          resolve({ status: response.statusCode ?? 0, headers, text })
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
