import { cast } from './parties.ts'
import type { Reserved } from './reserved.ts'
import type { Forgery } from './story.ts'

type Party = { wallet_id: string | undefined; agent_id: string | undefined; currency: string }

const uuid = (kind: string, id: number) =>
  `${kind.repeat(8)}-0000-4000-8000-${String(id).padStart(12, '0')}`

/** A record that reads well and that no statement survives. */
export const poisonRecord = (id: number, { wallet_id, agent_id, currency }: Party): string => {
  const parties = [uuid('b', id), wallet_id, agent_id, `poison-${id}`, uuid('e', id)]
  const terms = [cast.providers[0], '10', currency, '1', 'GET', 'https://weather.example/v1']
  const lease = [uuid('f', id), '1', '1', '1', '2', 'a'.repeat(64), '']
  return ['1', ...parties, ...terms, ...lease].join('\n')
}

/** The copy of a record in which one thing is not as it was promised. */
export function forgedRecord(of: Reserved, { id, what }: { id: number; what: Forgery }): string {
  const lines = of.record.split('\n')
  const put = (at: number, text: string | undefined) => {
    lines[at] = text ?? ''
  }
  if (what === 'the amount') put(7, String(of.amount + 1n))
  // A payment that is known is compared with itself first: these are payments nobody knows.
  else put(1, uuid('d', id))
  if (what === 'the wallet')
    put(
      2,
      cast.wallets.find((it) => it !== of.walletId),
    )
  if (what === 'the provider')
    put(
      6,
      cast.providers.find((it) => it !== of.providerId),
    )
  return lines.join('\n')
}
