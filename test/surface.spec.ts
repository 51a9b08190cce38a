import { describe, it } from 'vitest'
import { problems } from '../shared/domain/problem.ts'
import { ProofClaims, proofReasons } from '../shared/domain/proof.ts'
import { openDatabase } from './support/postgres.ts'

/** Pins: what others rely on, as literals. A red one means: decide, and write the decision down. */
describe('what others rely on', () => {
  it('is every problem code with its status and retry class, in order', ({ expect }) => {
    const rows = Object.entries(problems).map(([code, row]) => `${code} ${row.status} ${row.retry}`)

    expect(rows).toEqual([
      'malformed_request 400 fix',
      'unsupported_media_type 415 fix',
      'body_too_large 413 fix',
      'key_invalid 401 fix',
      'key_revoked 401 fix',
      'signature_required 401 fix',
      'signature_invalid 401 fix',
      'timestamp_out_of_range 401 fix',
      'not_found 404 never',
      'method_not_allowed 405 never',
      'rate_limited 429 after',
      'payment_conflict 409 never',
      'nothing_to_pay 409 never',
      'endpoint_inactive 409 never',
      'price_changed 409 new_quote',
      'currency_mismatch 422 fix',
      'resource_mismatch 422 fix',
      'policy_refused 403 never',
      'funds_insufficient 402 after',
      'funds_in_lease 402 after',
      'wallet_busy 503 same_request',
      'dependency_unavailable 503 same_request',
      'outcome_unknown 504 same_request',
      'internal 500 same_request',
    ])
  })

  it('is every claim of a proof', ({ expect }) => {
    expect(Object.keys(ProofClaims.shape).sort()).toEqual(
      'amount asset aud cnf eid exp holdExp iat iss jti lse network pv rdm rid rsh seq st sub'.split(
        ' ',
      ),
    )
  })

  it('is every reason a proof is refused for', ({ expect }) => {
    expect([...proofReasons].sort()).toEqual([
      'ambiguous_proof',
      'key_revoked',
      'payment_expired',
      'payment_refunded',
      'payment_voided',
      'proof_already_used',
      'proof_amount_low',
      'proof_expired',
      'proof_key_unknown',
      'proof_malformed',
      'proof_not_yet_valid',
      'proof_signature_invalid',
      'proof_wrong_audience',
      'proof_wrong_endpoint',
      'proof_wrong_issuer',
      'proof_wrong_network',
      'proof_wrong_resource',
    ])
  })

  it('is every function of the schema api, with its arguments', async ({ expect }) => {
    const database = await openDatabase()
    const rows = await database.sql<{ signature: string }[]>`
      select p.proname || '(' || pg_get_function_arguments(p.oid) || ') ' ||
        pg_get_function_result(p.oid) as signature
      from pg_proc as p where p.pronamespace = 'api'::regnamespace order by 1`
    await database.close()

    expect(rows.map(({ signature }) => signature).join('\n')).toMatchSnapshot()
  })
})
