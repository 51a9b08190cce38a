import { Amount, type Currency, formatDecimal } from '../../shared/domain/money.ts'
import { dependency } from '../cli/failure.ts'
import { table } from '../cli/output.ts'
import { type Command, currencyOption, idOption, put } from './command.ts'

const amountOption = { value: 'AMOUNT', help: 'in currency units: 10.5', required: true }

export const deposit: Command = {
  name: 'deposit',
  does: 'Put money that came in from outside into a wallet.',
  example: 'deposit --wallet 30000000-0000-4000-8000-000000000001 --currency USDC --amount 10.5',
  options: {
    wallet: { value: 'UUID', help: 'which wallet', required: true },
    currency: { ...currencyOption, help: 'the currency of the wallet' },
    amount: amountOption,
    id: idOption,
  },
  async run(session) {
    const { arguments: given } = session
    const [wallet_id, currency] = [given.id('wallet'), given.currency()]
    const amount = Amount.encode(given.amount('amount'))
    let balance = ''
    const id = await session.underId(async (transfer_id) => {
      const left = await session.call('deposit_x402_funds', { transfer_id, wallet_id, amount })
      balance = unitsOf(left, currency)
    })
    return put('deposit', id, { wallet: wallet_id, balance, currency })
  },
}

export const payout: Command = {
  name: 'payout',
  does: 'Book earnings that were paid to a provider outside. Never more than there are.',
  example: 'payout --provider 40000000-0000-4000-8000-000000000001 --currency USDC --amount 250',
  options: {
    provider: { value: 'UUID', help: 'who was paid', required: true },
    currency: currencyOption,
    amount: amountOption,
    id: idOption,
  },
  async run(session) {
    const { arguments: given } = session
    const [provider_id, currency] = [given.id('provider'), given.currency()]
    const args = { provider_id, currency, amount: Amount.encode(given.amount('amount')) }
    let earnings = ''
    const id = await session.underId(async (transfer_id) => {
      const left = await session.call('pay_out_x402_earnings', { transfer_id, ...args })
      earnings = unitsOf(left, currency)
    })
    return put('payout', id, { provider: provider_id, earnings, currency })
  },
}

export const rollup: Command = {
  name: 'rollup',
  does: 'Fold all credits into earnings and statistics. The edge does it each minute by itself.',
  example: 'rollup',
  options: {
    most: { value: 'COUNT', help: 'how many credits a transaction folds; default 10000' },
  },
  async run(session) {
    const most = session.arguments.whole('most', 10_000)
    let folded = 0
    let last = most
    while (last === most) {
      last = Number(await session.call('roll_up_x402_credits', { most }))
      folded += last
    }
    return { text: `${folded} credits folded into earnings`, data: { folded } }
  },
}

export const totals: Command = {
  name: 'totals',
  does: 'Show what the ledger holds for providers: earnings, payments, credits not folded yet.',
  example: 'totals',
  options: {},
  async run(session) {
    const data = (await session.call('get_x402_totals')) as {
      inbox: number
      payments: string
      earnings: Partial<Record<Currency, string>>
    }
    const earnings = Object.entries(data.earnings).map(([currency, digits]) => [
      `earnings, ${currency}`,
      unitsOf(digits, currency as Currency),
    ])
    const rows = [
      ['payments folded', data.payments],
      ['credits in the inbox', String(data.inbox)],
      ...earnings,
    ]
    return { text: table(rows), data }
  },
}

/** An amount as the ledger writes it, in currency units. */
function unitsOf(digits: unknown, currency: Currency): string {
  const amount = Amount.safeDecode(typeof digits === 'string' ? digits : '')
  if (!amount.success) throw dependency('the ledger answered no balance')
  return formatDecimal(amount.data, currency)
}
