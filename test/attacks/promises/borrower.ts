import type { Agent, AgentTerms, Endpoint, World } from '../../support/world.ts'

/** Asks for a payment by a promise. */
export const async = { body: { settlement: 'async' } }

/** An agent with a lease to promise from, which has paid for the endpoint from it. */
export async function borrower(
  world: World,
  endpoint: Endpoint,
  terms: AgentTerms = {},
): Promise<Agent> {
  const agent = await world.agent(terms)
  await world.operate('put_x402_settlement', [agent.walletId, 'async'])
  await until(async () => (await world.pay(agent, endpoint, async)).body.status === 'held')
  return agent
}

/** Waits for what happens after an answer was given. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it never came to be')
}

/** Everything of a wallet: what it can spend or its leases hold, and what was paid from it. */
export async function wealthOf(
  { database }: World,
  { walletId }: Agent,
): Promise<{ left: bigint; paid: bigint }> {
  const [row] = await database.sql`
    select w.balance + coalesce((
        select sum(l.escrow - l.settled - l.returned) from ledger.leases as l
        where l.wallet_id = w.id), 0) as left,
      coalesce((select sum(p.amount) from ledger.payments as p where p.wallet_id = w.id), 0) as paid
    from ledger.wallets as w where w.id = ${walletId}`
  return { left: BigInt(row?.['left']), paid: BigInt(row?.['paid']) }
}
