/** What one agent has, as it ought to be: its funds, and what became of each request it named. */
export type Account = {
  funds: bigint
  /** Requests that were answered 200, by name, with the payment they are. */
  acknowledged: Map<string, string>
  /** Requests whose outcome nobody was told. */
  unknown: Set<string>
  asked: Set<string>
}

export const openAccount = (funds: bigint): Account => ({
  funds,
  acknowledged: new Map(),
  unknown: new Set(),
  asked: new Set(),
})

export type Told = { status: number; code?: string; paymentId?: string; replayed?: boolean }

/** What the ledger has of an agent. */
export type Stored = { id: string; request_id: string; amount: string }

/** What an answer says that it must not, and takes note of it; nothing when it may say so. */
export function noteAnswer(
  account: Account,
  {
    request,
    price,
    told,
    mayFail,
  }: { request: string; price: bigint; told: Told; mayFail: boolean },
): string | undefined {
  account.asked.add(request)
  const known = account.acknowledged.get(request)
  if (told.status === 200) {
    account.acknowledged.set(request, `${told.paymentId}`)
    account.unknown.delete(request)
    if (known === undefined) return undefined
    if (known !== told.paymentId) return `${request} was ${known} and is now ${told.paymentId}`
    return told.replayed ? undefined : `${request} was paid a second time`
  }
  if (told.code === 'funds_insufficient') return declineFault(account, request, price)
  if (told.status >= 500) {
    account.unknown.add(request)
    return mayFail ? undefined : `${told.status} ${told.code}, and nothing was broken`
  }
  return `${told.status} ${told.code}`
}

function declineFault(account: Account, request: string, price: bigint): string | undefined {
  if (account.acknowledged.has(request)) return `${request} was paid and is declined`
  const most = BigInt(account.acknowledged.size + account.unknown.size) * price
  return account.funds - most >= price ? `${request} was declined with funds left` : undefined
}

/** What the ledger has that it must not, or lacks. */
export function faultsIn(account: Account, stored: readonly Stored[], balance: string): string[] {
  const names = stored.map(({ request_id }) => request_id)
  const byName = new Map(stored.map((it) => [it.request_id, it.id]))
  const spent = stored.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  return [
    ...names.filter((it, at) => names.indexOf(it) !== at).map((it) => `${it} is charged twice`),
    ...names.filter((it) => !account.asked.has(it)).map((it) => `nobody asked for ${it}`),
    ...[...account.acknowledged]
      .filter(([name, id]) => byName.get(name) !== id)
      .map(([name]) => `${name} was acknowledged and is lost`),
    ...names
      .filter((it) => !account.acknowledged.has(it) && !account.unknown.has(it))
      .map((it) => `${it} is paid, and its agent was told it is not`),
    ...(account.funds - spent === BigInt(balance) ? [] : [`the balance is ${balance}`]),
    ...(spent > account.funds ? ['more is spent than there was'] : []),
  ]
}
