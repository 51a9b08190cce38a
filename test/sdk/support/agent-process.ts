import {
  fileJournal,
  type PaymentOptions,
  paymentOf,
  withPayments,
} from '../../../sdk/client/index.ts'

/** What an agent of its own process is to do. */
export type AgentOrders = {
  options: PaymentOptions
  url: string
  calls: number
  journal?: string
  /** The moment at which the process dies, as a power cut would have it. */
  diesAt?: 'paying' | 'answered' | 'paid' | 'presenting'
}

/** The line it prints: what became of each call. */
export type AgentReport = { code: string; paymentId: string | undefined }[]

const orders: AgentOrders = JSON.parse(process.argv[2] ?? '')

const dying: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (orders.diesAt === 'answered' && String(input).endsWith('/pay')) process.exit(9)
  return response
}

const pay = withPayments(dying, {
  ...orders.options,
  ...(orders.journal && { journal: fileJournal(orders.journal) }),
  onEvent: ({ type }) => {
    if (type === orders.diesAt) process.exit(9)
  },
})

const calls = Array.from({ length: orders.calls }, async () => {
  try {
    const response = await pay(orders.url)
    return { code: String(response.status), paymentId: paymentOf(response)?.paymentId }
  } catch (error) {
    const { code = 'bug', paymentId } = error as { code?: string; paymentId?: string }
    return { code, paymentId }
  }
})
process.stdout.write(JSON.stringify((await Promise.all(calls)) satisfies AgentReport))
