import { Amount } from '../../shared/domain/money.ts'
import { type Command, currencyOption } from './command.ts'

export const policySet: Command = {
  name: 'policy set',
  does: 'Replace the policy of a wallet; a payment that waits is judged by the new one.',
  example:
    'policy set --wallet 30000000-0000-4000-8000-000000000001 --currency USDC' +
    ' --payment-max 1 --day-max 20 --month-max 300',
  options: {
    wallet: { value: 'UUID', help: 'which wallet', required: true },
    currency: currencyOption,
    'payment-max': { value: 'AMOUNT', help: 'the most one payment may be', required: true },
    'day-max': { value: 'AMOUNT', help: 'the most a UTC day may cost', required: true },
    'month-max': { value: 'AMOUNT', help: 'the most a UTC month may cost', required: true },
    provider: {
      value: 'UUID',
      help: 'who may be paid, as often as there are providers; left out: anyone',
      several: true,
    },
  },
  endsLeases: true,
  async run(session) {
    const { arguments: given } = session
    const wallet = given.id('wallet')
    const providers = given.ids('provider')
    await session.call('put_x402_policy', {
      wallet_id: wallet,
      payment_max: Amount.encode(given.amount('payment-max')),
      day_max: Amount.encode(given.amount('day-max')),
      month_max: Amount.encode(given.amount('month-max')),
      providers: providers.length > 0 ? providers : null,
    })
    const whom = providers.length > 0 ? `${providers.length} providers` : 'anyone'
    return {
      text: `policy of wallet ${wallet}\nIt may pay ${whom}. The same command changes nothing.`,
      data: { wallet, providers },
    }
  },
}

export const policySettlement: Command = {
  name: 'policy settlement',
  does: 'Say whether payments of a wallet may be promised from a lease (async, auto) or never (sync).',
  example: 'policy settlement --wallet 30000000-0000-4000-8000-000000000001 --settlement async',
  options: {
    wallet: { value: 'UUID', help: 'which wallet; it needs a policy', required: true },
    settlement: { value: 'sync|async|auto', help: 'what its policy allows', required: true },
  },
  endsLeases: true,
  async run(session) {
    const { arguments: given } = session
    const wallet = given.id('wallet')
    const settlement = given.choice('settlement', ['sync', 'async', 'auto'])
    await session.call('put_x402_settlement', { wallet_id: wallet, settlement })
    return {
      text: `settlement of wallet ${wallet}: ${settlement}\nA change ends its leases, at once.`,
      data: { wallet, settlement },
    }
  },
}
