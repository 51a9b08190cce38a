import { formatUnits } from './decimal.ts'
import type { PayFields } from './pay-signature.ts'

/**
 * The text an agent signs: twelve lines, no final line feed. `undefined` when a field holds a
 * control character or a lone surrogate, since two requests could then share one text.
 */
export function signingText(fields: PayFields): string | undefined {
  const lines = [
    'payos-x402-pay-v1',
    fields.issuer,
    fields.walletId,
    fields.endpointId,
    formatUnits(fields.amount),
    fields.currency,
    fields.requestId,
    fields.seconds.toString(),
    fields.method.toUpperCase(),
    fields.resource ?? '',
    fields.settlement,
    fields.capture,
  ]
  return lines.some((line) => /[\p{Cc}\p{Cs}]/u.test(line)) ? undefined : lines.join('\n')
}
