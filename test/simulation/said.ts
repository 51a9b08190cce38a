/** What a function of the ledger answers, as far as it is judged here. */
export type Said = {
  outcome?: string
  replayed?: boolean
  reason?: string
  outcomes?: { outcome: string; code?: string }[]
  reclaimed?: number
  stalled?: number
}

/** Whether an answer says that the ledger is as it was, so that it need not be judged again. */
export const changesNothing = (name: string, said: Said): boolean =>
  said.replayed === true ||
  said.reclaimed === 0 ||
  said.outcome === 'refused' ||
  said.outcomes?.every(({ outcome }) => outcome === 'replayed') === true ||
  (name === 'settle_x402_payment' && said.outcome !== 'payment') ||
  name === 'check_x402_proof'
