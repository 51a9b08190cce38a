import { randomUUID } from 'node:crypto'
import { SeenPayments } from '../../shared/domain/bloom.ts'
import { PaymentId } from '../../shared/domain/ids.ts'
import { ofRounds } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'

/** The most ids the filter holds: both of its halves full. */
const FULL = 180_000

/** The filter of seen payments at its bound: how often it errs, and what asking it costs. */
export const caches: Scenario = {
  name: 'caches',
  title: 'The filter of seen payments, full',
  async run(bench) {
    const rounds = bench.pick(1, 5)
    const samples = Array.from({ length: rounds }, (_, round) => {
      bench.progress(round, rounds)
      return fill()
    })
    const about = {
      method: `${FULL.toLocaleString('en')} payment ids in it, 100 000 others asked for; Node`,
      asserted: 'each of the last 90 000 ids is known',
      n: rounds * 100_000,
    }
    return [
      ofRounds(
        {
          ...about,
          name: 'caches/false-positives',
          title: 'New payments taken for maybe seen',
          unit: '%',
          budget: { atMost: 1 },
        },
        samples.map(({ percent }) => percent),
        about.n,
      ),
      ofRounds(
        { ...about, name: 'caches/ask', title: 'Asking for one id', unit: 'µs' },
        samples.map(({ micros }) => micros),
        about.n,
      ),
    ]
  },
}

const newId = () => PaymentId.parse(randomUUID().replace(/^(.{14})4/, '$18'))

function fill(): { percent: number; micros: number } {
  const seen = new SeenPayments()
  const ids = Array.from({ length: FULL }, newId)
  for (const id of ids) seen.add(id)
  if (!ids.slice(-90_000).every((id) => seen.maybeHas(id))) throw new Error('an id was forgotten')

  const others = Array.from({ length: 100_000 }, newId)
  const started = performance.now()
  const wrong = others.filter((id) => seen.maybeHas(id)).length
  const micros = ((performance.now() - started) * 1000) / others.length
  return { percent: (100 * wrong) / others.length, micros }
}
