import { INSTALL } from '../../shared/adapters/lua/install.ts'
import { PREPARE } from '../../shared/adapters/lua/prepare.ts'
import { QUARANTINE } from '../../shared/adapters/lua/quarantine.ts'
import { READ } from '../../shared/adapters/lua/read.ts'
import { RESERVE } from '../../shared/adapters/lua/reserve.ts'
import { SURVEY } from '../../shared/adapters/lua/survey.ts'

const scripts = new Map([
  [INSTALL, 'install'],
  [PREPARE, 'prepare'],
  [QUARANTINE, 'quarantine'],
  [READ, 'read'],
  [RESERVE, 'reserve'],
  [SURVEY, 'survey'],
])

/** What a request asks its server for: a function of the ledger, a script or command, a wake. */
export function calledIn(
  server: 'redis' | 'database' | 'qstash',
  { url, init }: { url: string; init: RequestInit },
): string {
  if (server === 'database') return url.slice(url.lastIndexOf('/') + 1)
  if (server === 'qstash') return 'wake'
  const [name = '', script = ''] = (JSON.parse(String(init.body)) as unknown[]).flat()
  return scripts.get(String(script)) ?? String(name).toLowerCase()
}
