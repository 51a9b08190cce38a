import type { Scenario } from './scenario.ts'
import { batch } from './scenarios/batch.ts'
import { bundle } from './scenarios/bundle.ts'
import { caches } from './scenarios/caches.ts'
import { call } from './scenarios/call.ts'
import { contention } from './scenarios/contention.ts'
import { cost } from './scenarios/cost.ts'
import { cpu } from './scenarios/cpu.ts'
import { drain } from './scenarios/drain.ts'
import { growth } from './scenarios/growth.ts'
import { ledger } from './scenarios/ledger.ts'
import { limits } from './scenarios/limits.ts'
import { memory } from './scenarios/memory.ts'
import { overhead } from './scenarios/overhead.ts'
import { pay } from './scenarios/pay.ts'
import { provider } from './scenarios/provider.ts'
import { settling } from './scenarios/settling.ts'
import { throughput } from './scenarios/throughput.ts'
import { unpaid } from './scenarios/unpaid.ts'
import { verify } from './scenarios/verify.ts'

/** Every scenario, in the order it runs. */
export const scenarios: readonly Scenario[] = [
  limits,
  bundle,
  unpaid,
  pay,
  verify,
  provider,
  call,
  overhead,
  cpu,
  ledger,
  contention,
  batch,
  drain,
  settling,
  throughput,
  growth,
  caches,
  memory,
  cost,
]
