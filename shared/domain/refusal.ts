import { formatDecimal } from './money.ts'
import { type Problem, type ProblemCode, type ProblemDetails, problem } from './problem.ts'
import type { Quote } from './quote.ts'

/** What the ledger says beside a refusal's code. */
export type RefusalFacts = {
  rule?: string | undefined
  quote?: Quote | undefined
  /** In how many seconds enough escrow will have come back. */
  retryAfter?: number | undefined
}

/** Every outcome of the ledger that is not a payment, said to a caller. */
const words = {
  key_invalid: {
    detail: 'The API key is not known here.',
    hint: 'Send the key as it was issued, in "Authorization: Bearer pk_…", to its own environment.',
  },
  key_revoked: {
    detail: 'The API key was revoked or has expired.',
    hint: 'Ask the owner for a new key.',
  },
  signature_required: {
    detail: 'This agent has a registered key, so each of its payments must be signed.',
    hint: 'Add publicKey and signature; see the signing lines in the documentation of POST /pay.',
    param: 'signature',
  },
  signature_invalid: {
    detail: 'The signature is not by a key registered for this agent over this request.',
    hint: 'Sign the canonical lines with the registered Ed25519 key and send its publicKey.',
    param: 'signature',
  },
  not_found: {
    detail: 'No wallet, endpoint or payment of that id concerns this caller.',
    hint: 'Check the ids and that they belong to this environment.',
  },
  payment_conflict: {
    detail: 'This request id already names a payment with other content.',
    hint: 'Use a new requestId for a new payment, or repeat the first request unchanged.',
    param: 'requestId',
  },
  nothing_to_pay: {
    detail: 'The endpoint is free.',
    hint: 'Call it without paying.',
  },
  endpoint_inactive: {
    detail: 'The endpoint or its provider takes no payments now.',
    hint: 'Do not pay for it; ask its provider.',
  },
  price_changed: {
    detail: 'The amount is not a valid price of the endpoint.',
    hint: 'Pay the price of the quote in this answer, with a new requestId or this one.',
    param: 'amount',
  },
  currency_mismatch: {
    detail: 'The endpoint and the wallet do not both take this currency.',
    hint: 'Pay in the currency of the quote, from a wallet that holds it.',
    param: 'currency',
  },
  resource_mismatch: {
    detail: 'The endpoint does not serve this method and resource.',
    hint: 'The resource must be at the registered URL or below it, called by its method.',
    param: 'resource',
  },
  policy_refused: {
    detail: "The owner's policy does not allow this payment.",
    hint: 'Do not repeat it; ask the owner to change the policy.',
  },
  funds_insufficient: {
    detail: 'The wallet cannot cover the amount.',
    hint: 'Repeat the same request after a deposit.',
    retryAfterMs: 60_000,
  },
  funds_in_lease: {
    detail: 'What would cover the amount is promised for asynchronous payments until they settle.',
    hint: 'Repeat the same request when the time in this answer has passed.',
    retryAfterMs: 60_000,
  },
} as const satisfies Partial<Record<ProblemCode, ProblemDetails>>

export type RefusalCode = keyof typeof words

export const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(words, code)

/** A refusal as its caller sees it: what is wrong, what to do, and the facts that code carries. */
export function refusal(code: RefusalCode, facts: RefusalFacts = {}): Problem {
  const extra = {
    ...(facts.rule && { rule: facts.rule }),
    ...(code === 'price_changed' && facts.quote && { quote: briefly(facts.quote) }),
  }
  return problem(code, {
    ...words[code],
    ...(facts.retryAfter && { retryAfterMs: facts.retryAfter * 1000 }),
    ...(Object.keys(extra).length > 0 && { extra }),
  })
}

const briefly = (quote: Quote) => ({
  endpointId: quote.endpointId,
  price: formatDecimal(quote.amount, quote.currency),
  currency: quote.currency,
  method: quote.method,
  resource: quote.url,
  priceVersion: quote.priceVersion,
})
