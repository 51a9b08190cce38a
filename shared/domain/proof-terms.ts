/** The longest life of one proof; a payment may be proved again until its end. */
export const PROOF_SECONDS = 120

/** How far an expiry may lie behind, and an issue ahead, of the verifier's clock. */
export const EXPIRY_SKEW_SECONDS = 5
export const ISSUE_SKEW_SECONDS = 60

/** The `network` of a proof and of what asks for one. */
export const networkOf = (environment: 'test' | 'live') =>
  environment === 'live' ? 'payos:main' : 'payos:test'
