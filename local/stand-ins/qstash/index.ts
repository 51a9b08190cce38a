import { MovableClock } from '../../clock.ts'
import { type StandIn, serveStandIn } from '../server.ts'
import { withoutToken } from './call.ts'
import { Messenger } from './messenger.ts'
import { answer } from './routes.ts'
import { PUBLIC_VALUES } from './signature.ts'
import { State } from './state.ts'

export type QstashStandIn = StandIn & {
  token: string
  currentSigningKey: string
  nextSigningKey: string
  /** Delivers what is for an origin to a place on this machine; signatures name the origin still. */
  host: (origin: string, place: string) => void
  /** Resolves when no delivery is under way and none is due. */
  settle: () => Promise<void>
}

type Options = {
  port?: number | undefined
  clock?: MovableClock | undefined
  /** Default: the public ones of the official development server. */
  signingKeys?: { current: string; next: string } | undefined
  /** A file in which messages, dead letters, schedules and keys survive a restart. */
  persistTo?: string | undefined
}

/**
 * Serves a QStash on loopback that delivers to loopback, on a clock that can be moved.
 *
 * Its token and keys are those of the official development server, so that either takes the
 * other's place by its URL alone. Besides the common control orders it takes `settle`;
 * `duplicate { match, times, messages }`; `reorder { match, count }`;
 * `lose-delivery-answer { match, times }`; `pause { publishes: 'accept' | 'refuse' }` and `resume`
 * (an outage); `reset`.
 */
export async function startQstash(options: Options = {}): Promise<QstashStandIn> {
  const clock = options.clock ?? new MovableClock()
  const state = new State(options.persistTo)
  const useKeys = () => options.signingKeys && state.keys.use(options.signingKeys)
  useKeys()
  const messenger = new Messenger(state, clock)
  const { mischief } = state
  let refusesPublishes = false
  const outage = (refuse: boolean, paused: boolean) => {
    refusesPublishes = refuse
    messenger.paused = paused
  }
  const server = await serveStandIn({
    name: 'QStash',
    port: options.port,
    clock,
    subjectOf: ({ method, rawTarget }) => `${method} ${withoutToken(rawTarget)}`,
    handle: async (request) =>
      answer(request, { state, messenger, now: clock.now(), refusesPublishes }),
    orders: {
      settle: () => messenger.timeline.settled(),
      duplicate: (order) => mischief.duplicate(order),
      reorder: (order) => mischief.reorder(order),
      'lose-delivery-answer': (order) => mischief.loseAnswer(order),
      pause: ({ publishes }) => outage(publishes === 'refuse', true),
      resume: () => outage(false, false),
      reset: () => {
        messenger.forget()
        state.clear()
        useKeys()
        outage(false, false)
      },
    },
  })
  messenger.timeline.poke()
  return {
    ...server,
    token: PUBLIC_VALUES.token,
    currentSigningKey: state.keys.current,
    nextSigningKey: state.keys.next,
    host: (origin, place) => messenger.hosts.set(origin, place),
    settle: () => messenger.timeline.settled(),
    stop: () => {
      messenger.stop()
      return server.stop()
    },
  }
}
