import { Amount } from '../../shared/domain/money.ts'
import { isoSeconds } from '../../shared/protocol/pay.ts'
import { dependency } from '../cli/failure.ts'
import { type Command, currencyOption } from './command.ts'

/** The ledger wants 180 seconds; the rest is for the way there. */
const DEFAULT_NOTICE_SECONDS = 300

export const priceAnnounce: Command = {
  name: 'price announce',
  does: 'Announce the next price, at least 180 s ahead. The cached quote is deleted.',
  example:
    'price announce --endpoint 50000000-0000-4000-8000-000000000002 --currency USDC' +
    ' --price 0.002 --valid-from +10m',
  options: {
    endpoint: { value: 'UUID', help: 'which endpoint', required: true },
    currency: currencyOption,
    price: { value: 'AMOUNT', help: 'the price from then on; 0 is free', required: true },
    'valid-from': {
      value: 'WHEN',
      help: 'RFC 3339, unix seconds, or from now: +10m; default +5m',
    },
  },
  async run(session) {
    const { arguments: given } = session
    const endpoint = given.id('endpoint')
    const price = Amount.encode(given.amount('price'))
    const from = given.optional('valid-from')
      ? given.moment('valid-from', session.nowSeconds)
      : session.nowSeconds + DEFAULT_NOTICE_SECONDS
    const validFrom = isoSeconds(from)
    const version = await session.call('announce_x402_price', {
      endpoint_id: endpoint,
      price,
      valid_from: validFrom,
    })
    if (typeof version !== 'number') throw dependency('the ledger answered no price version')
    await session.forgetQuote(endpoint)
    return {
      text: [
        `price version ${version} of endpoint ${endpoint}, valid from ${validFrom}`,
        `The same command with --valid-from ${validFrom} changes nothing.`,
      ].join('\n'),
      data: { endpoint, version, validFrom },
    }
  },
}
