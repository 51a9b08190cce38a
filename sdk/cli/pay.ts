import { decodeHeader, headerNames, isRecord } from '../../shared/protocol/x402.ts'
import { paymentOf, withPayments } from '../client/index.ts'
import type { PaymentEvent } from '../client/options.ts'
import { Failure } from './failure.ts'
import { claimsIn, describeProof } from './proof-text.ts'
import { dim, listed, type Outcome, tick } from './screen.ts'
import { payerOf, type Setup } from './setup.ts'

export type PayOrder = {
  url: string
  method: string
  data: string | undefined
  max: string | undefined
  requestId: string | undefined
}

type Step = { name: string; detail: string; ms: number }

/** Gets a URL and pays for it, at most once; tells each step when it is done. */
export async function pay(
  order: PayOrder,
  setup: Setup,
  tell: (line: string) => void,
): Promise<Outcome> {
  const steps = new Steps(tell)
  const tapped: { proof?: string } = {}
  const paying = withPayments(tap(tapped), {
    ...payerOf(setup),
    ...(order.max !== undefined && { maxAmount: order.max }),
    onEvent: (event) => steps.add(event),
  })
  const { requestId } = order
  const response = await paying(order.url, {
    method: order.method,
    ...(order.data !== undefined && { body: order.data }),
    ...(requestId !== undefined && { payment: { requestId } }),
  })
  const body = await response.text()
  steps.end(`${response.status} ${response.statusText}`.trim())
  const payment = paymentOf(response)
  const data = {
    url: order.url,
    status: response.status,
    steps: steps.all,
    payment,
    proof: tapped.proof && claimsIn(tapped.proof),
    receipt: decodeHeader(response.headers.get(headerNames.response)),
    body,
  }
  if (response.status >= 400) {
    const kind = response.status < 500 ? 'refused' : 'dependency'
    throw new Failure(kind, `${order.url} answered ${response.status}`, data)
  }
  const { proof, receipt } = data
  if (proof) tell(`\n${dim('proof')}\n${describeProof(proof as Record<string, unknown>)}`)
  if (isRecord(receipt)) tell(`\n${dim('receipt')}\n${listed(receipt)}\n`)
  return { text: body, data }
}

/** A `fetch` that notes the proof it is given to send. */
function tap(tapped: { proof?: string }): typeof fetch {
  return (input, init) => {
    const sent = decodeHeader(new Headers(init?.headers).get(headerNames.signature))
    const payload = isRecord(sent) ? sent['payload'] : undefined
    if (isRecord(payload)) tapped.proof = String(payload['proof'])
    return fetch(input, init)
  }
}

/** What was done, and how long each step took. */
class Steps {
  readonly all: Step[] = []
  readonly #tell: (line: string) => void
  #since = performance.now()

  constructor(tell: (line: string) => void) {
    this.#tell = tell
  }

  add(event: PaymentEvent): void {
    if (event.type === 'offered') {
      const { amount, currency, method, url } = event.offer
      this.end('402 payment required', `${amount} ${currency} for ${method} ${url}`)
    } else if (event.type === 'paid') this.end('paid at the edge', `payment ${event.paymentId}`)
    else if (event.type === 'retrying') this.end(`tried again: ${event.code}`)
  }

  end(name: string, detail = ''): void {
    const ms = Math.round((performance.now() - this.#since) * 10) / 10
    this.#since = performance.now()
    this.all.push({ name, detail, ms })
    this.#tell(`${tick} ${name.padEnd(22)} ${dim(`${ms} ms`.padStart(9))}  ${detail}`.trimEnd())
  }
}
