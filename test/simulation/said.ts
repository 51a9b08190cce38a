/** What a function of the ledger answers, as far as it is judged here. */
export type Said = {
  outcome?: string
  replayed?: boolean
  reason?: string
  outcomes?: { outcome: string; code?: string }[]
  reclaimed?: number
  stalled?: number
}
