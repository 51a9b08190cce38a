import fc from 'fast-check'
import type { Limits } from './cast.ts'

/** What someone does in a world. Numbers name members of the cast; the last of a range, nobody. */
export type Command =
  | ({ do: 'pay' } & Payment)
  | ({ do: 'verify'; provider: number; payment: number; action: string; attempt: string } & Doubts)
  | {
      do: 'ask'
      by: 'agent' | 'provider'
      who: number
      payment: number
      named: Naming
      key: KeyUse
    }
  | { do: 'reconsider'; payment: number; ms: number }
  | ({ do: 'capture' } & Capture)
  | ({ do: 'refund' } & Refund)
  | { do: 'expire holds'; most: number }
  | { do: 'set terms'; endpoint: number; seconds: number | null; listed: boolean | null }
  | { do: 'list'; most: number; skip: number }
  | { do: 'wait'; ms: number }
  | { do: 'wait until'; border: 'day' | 'month'; ms: number }
  | { do: 'reprice'; endpoint: number; price: string; since: number }
  | { do: 'announce'; endpoint: number; price: string; notice: number }
  | { do: 'allow'; wallet: number; limits: Limits }
  | { do: 'deposit'; wallet: number; amount: string; transfer: number }
  | {
      do: 'pay out'
      provider: number
      currency: string
      amount: 'all' | 'more' | string
      transfer: number
    }
  | { do: 'roll up'; most: number }
  | { do: 'set'; what: 'agent' | 'wallet' | 'provider' | 'endpoint'; index: number; on: boolean }
  | { do: 'revoke'; kind: string; index: number }
  | { do: 'expire'; kind: 'agent' | 'provider'; index: number; ms: number | null }
  | { do: 'sign up'; agent: number; signer: number; revoked: boolean }
  | { do: 'contradict'; what: 'agent' | 'wallet' | 'key' | 'endpoint' | 'price' }
  | { do: 'read'; what: 'quote' | 'totals'; endpoint: number }

export type Payment = {
  wallet: number
  /** Which of the endpoints its route leads to. */
  endpoint: number
  request: number
  route: 'of its currency' | 'of another' | 'free' | 'unknown'
  offer: 'current' | 'previous' | 'next' | 'more' | 'zero' | 'negative'
  currency: 'its own' | 'other'
  method: 'its own' | 'other'
  href: 'none' | 'exact' | 'below' | 'query' | 'sibling' | 'elsewhere'
  signer: 'its own' | 'none' | 'stranger'
  payer: 'its own' | 'other'
  key: KeyUse
  capture: 'automatic' | 'manual'
  form: 'right' | 'wrong id' | 'wrong capture'
}
export type Capture = {
  payment: number
  amount: 'all' | 'part' | 'nothing' | 'more' | 'less than nothing'
  attempt: 'one' | 'two' | null
  provider: 'its own' | 'other'
  key: KeyUse
}
export type Refund = {
  payment: number
  amount: 'all' | 'part' | 'more' | 'nothing'
  refund: 'first' | 'second'
  provider: 'its own' | 'other'
  key: KeyUse
}
export type KeyUse = 'right' | 'wrong' | 'unknown' | 'none'
export type Naming = 'id' | 'request' | 'both' | 'wrongly'
type Doubts = {
  endpoint: 'its own' | 'other' | 'foreign'
  audience: 'itself' | 'other' | 'nobody'
  minimum: 'price' | 'amount' | 'more'
  key: KeyUse
}

export const upTo = (max: number) => fc.nat({ max })

/** Now and then something else than usual, at most two things at once: which is judged first? */
function twisted<Shape extends object>(
  usual: Shape,
  twists: { [Part in keyof Shape]?: Exclude<Shape[Part], Shape[Part] & never>[] },
): fc.Arbitrary<Shape> {
  const all = Object.entries(twists).flatMap(([part, values]) =>
    (values as unknown[]).map((value) => ({ [part]: value }) as Partial<Shape>),
  )
  const some = fc.oneof(
    { weight: 12, arbitrary: fc.constant([]) },
    { weight: 5, arbitrary: fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.array(fc.constantFrom(...all), { minLength: 2, maxLength: 2 }) },
  )
  return some.map((changes) => Object.assign({}, usual, ...changes) as Shape)
}

export const pay: fc.Arbitrary<Payment> = fc
  .record({
    wallet: fc.constantFrom(0, 0, 0, 1, 2, 3),
    endpoint: fc.constantFrom(0, 0, 1, 2),
    request: upTo(9),
    // Where a price never changed, the previous one is the current one.
    offer: fc.constantFrom<Payment['offer'][]>('current', 'current', 'previous'),
    capture: fc.constantFrom<Payment['capture'][]>('automatic', 'manual'),
    twist: twisted<
      Omit<Payment, 'wallet' | 'endpoint' | 'request' | 'offer' | 'capture'> & Partial<Payment>
    >(
      {
        route: 'of its currency',
        currency: 'its own',
        method: 'its own',
        href: 'none',
        signer: 'its own',
        payer: 'its own',
        key: 'right',
        form: 'right',
      },
      {
        route: ['of another', 'free', 'unknown'],
        offer: ['next', 'more', 'zero', 'negative'],
        currency: ['other'],
        method: ['other'],
        href: ['exact', 'below', 'query', 'sibling', 'elsewhere'],
        signer: ['none', 'stranger'],
        payer: ['other'],
        key: ['wrong', 'unknown', 'none'],
        form: ['wrong id', 'wrong capture'],
      },
    ),
  })
  .map(({ twist, ...rest }) => ({ ...rest, ...twist }))

export const verify = fc
  .record({
    provider: upTo(1),
    payment: upTo(4),
    action: fc.constantFrom('consume', 'consume', 'release', 'check'),
    attempt: fc.constantFrom('one', 'one', 'two'),
    twist: twisted<Doubts>(
      { endpoint: 'its own', audience: 'itself', minimum: 'price', key: 'right' },
      {
        endpoint: ['other', 'foreign'],
        audience: ['other', 'nobody'],
        minimum: ['amount', 'more'],
        key: ['wrong', 'unknown', 'none'],
      },
    ),
  })
  .map(({ twist, ...rest }) => ({ ...rest, ...twist }))

export const capture = fc
  .record({
    payment: upTo(4),
    amount: fc.constantFrom<Capture['amount'][]>('all', 'all', 'part', 'part', 'nothing'),
    attempt: fc.constantFrom<Capture['attempt'][]>('one', 'one', 'two', null),
    twist: twisted<Pick<Capture, 'provider' | 'key'> & Partial<Capture>>(
      { provider: 'its own', key: 'right' },
      {
        amount: ['more', 'less than nothing'],
        provider: ['other'],
        key: ['wrong', 'unknown', 'none'],
      },
    ),
  })
  .map(({ twist, ...rest }) => ({ ...rest, ...twist }))

export const refund = fc
  .record({
    payment: upTo(4),
    amount: fc.constantFrom<Refund['amount'][]>('all', 'part', 'part', 'more'),
    refund: fc.constantFrom<Refund['refund'][]>('first', 'second'),
    twist: twisted<Pick<Refund, 'provider' | 'key'> & Partial<Refund>>(
      { provider: 'its own', key: 'right' },
      { amount: ['nothing'], provider: ['other'], key: ['wrong', 'unknown', 'none'] },
    ),
  })
  .map(({ twist, ...rest }) => ({ ...rest, ...twist }))
