import { Amount } from '../../shared/domain/money.ts'
import { parseResource } from '../../shared/domain/resource.ts'
import type { Arguments } from '../cli/arguments.ts'
import { usage } from '../cli/failure.ts'
import { type Command, currencyOption, idOption, put, type Session } from './command.ts'

export const endpointPut: Command = {
  name: 'endpoint put',
  does: 'Register a priced route; or pause or reactivate one. Its cached quote is deleted.',
  example:
    'endpoint put --provider 40000000-0000-4000-8000-000000000001 --method GET' +
    ' --url https://api.example/weather --currency USDC --price 0.001',
  options: {
    provider: { value: 'UUID', help: 'who is paid, for good', required: true },
    method: { value: 'METHOD', help: 'the HTTP method, for good', required: true },
    url: {
      value: 'URL',
      help: 'without query, for good; what lies below it belongs to it',
      required: true,
    },
    currency: currencyOption,
    price: {
      value: 'AMOUNT',
      help: 'the first price, valid at once; 0 is free. Later ones: price announce',
      required: true,
    },
    status: { value: 'active|paused', help: 'a paused endpoint takes no payments; default active' },
    hold: { value: 'SECONDS', help: 'how long a held payment waits, 60 to 604800; at first 86400' },
    listed: {
      value: 'yes|no',
      help: 'whether anyone may find it at /discovery/resources; at first no',
    },
    id: idOption,
  },
  async run(session) {
    const { arguments: given } = session
    const endpoint = {
      provider_id: given.id('provider'),
      method: methodIn(given.text('method')),
      url: await urlIn(session),
      currency: given.currency(),
      price: Amount.encode(given.amount('price')),
      status: given.choice('status', ['active', 'paused']),
    }
    const terms = termsIn(given)
    const id = await session.underId(async (endpoint_id) => {
      await session.call('put_x402_endpoint', { endpoint_id, ...endpoint })
      if (terms) await session.call('put_x402_endpoint_terms', { endpoint_id, ...terms })
      await session.forgetQuote(endpoint_id)
    })
    return put('endpoint', id, { url: endpoint.url })
  },
}

/** What is said of the endpoint beyond its price; what is not said stays as it is. */
function termsIn(given: Arguments): Record<string, unknown> | undefined {
  const hold = given.optional('hold')
  if (hold !== undefined && !(/^\d{2,6}$/.test(hold) && isHold(Number.parseInt(hold, 10)))) {
    throw usage('--hold is a whole number of seconds from 60 to 604800')
  }
  const listed = given.optional('listed') && given.choice('listed', ['yes', 'no'])
  if (hold === undefined && listed === undefined) return undefined
  return {
    ...(hold !== undefined && { hold_seconds: Number.parseInt(hold, 10) }),
    ...(listed !== undefined && { discoverable: listed === 'yes' }),
  }
}

const isHold = (seconds: number) => seconds >= 60 && seconds <= 604_800

function methodIn(text: string): string {
  if (!/^[A-Za-z]{3,10}$/.test(text)) throw usage('--method is an HTTP method such as GET')
  return text.toUpperCase()
}

/** The URL as a parser writes it, which is how the ledger compares it. */
async function urlIn(session: Session): Promise<string> {
  const { environment } = await session.target()
  const parsed = parseResource(session.arguments.text('url'), {
    allowLoopbackHttp: environment === 'test',
  })
  if (parsed.ok && !parsed.href.includes('?')) return parsed.href
  throw usage('--url is an https URL without credentials, query, fragment or dot segments')
}
