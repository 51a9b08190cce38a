import type { Ablation } from './ablation.ts'
import { edgeGuards } from './guards-edge.ts'
import { leaseGuards } from './guards-leases.ts'
import { scriptGuards } from './guards-scripts.ts'
import { settlingGuards } from './guards-settling.ts'

const all = { ...scriptGuards, ...edgeGuards, ...leaseGuards, ...settlingGuards }

export type Guard = keyof typeof all

/** Every guard that can be taken out, by name. */
export const ablations: Record<Guard, Ablation> = all
