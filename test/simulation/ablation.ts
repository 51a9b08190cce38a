import type { Deps } from '../../functions/deps.ts'
import type { Ask } from './database.ts'

/** One guard taken out: of a script, of the ledger, or of the edge. */
export type Ablation = {
  /** The script as it would be without it. */
  script?: (text: string) => string
  ask?: Ask
  deps?: (deps: Deps) => Deps
}
