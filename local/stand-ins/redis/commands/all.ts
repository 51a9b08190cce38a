import type { Command } from '../command.ts'
import { evaluation } from './evaluation.ts'
import { groups } from './groups.ts'
import { hashes } from './hashes.ts'
import { keys } from './keys.ts'
import { pending } from './pending.ts'
import { server } from './server.ts'
import { setsAndLists } from './sets-and-lists.ts'
import { sortedSets } from './sorted-sets.ts'
import { streams } from './streams.ts'
import { strings } from './strings.ts'

/** Every command there is here, by its name in upper case. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    strings,
    keys,
    hashes,
    setsAndLists,
    sortedSets,
    streams,
    groups,
    pending,
    server,
    evaluation,
  ].flatMap((group) => Object.entries(group)),
)
