import type { Scenario } from './scenario.ts'
import { call } from './scenarios/call.ts'
import { contention } from './scenarios/contention.ts'
import { cpu } from './scenarios/cpu.ts'
import { ledger } from './scenarios/ledger.ts'
import { limits } from './scenarios/limits.ts'
import { overhead } from './scenarios/overhead.ts'
import { pay } from './scenarios/pay.ts'
import { throughput } from './scenarios/throughput.ts'
import { verify } from './scenarios/verify.ts'

/** Every scenario, in the order it runs. */
export const scenarios: readonly Scenario[] = [
  limits,
  pay,
  verify,
  call,
  overhead,
  ledger,
  contention,
  throughput,
  cpu,
]
