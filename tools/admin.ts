import { Session } from './admin/command.ts'
import { helpOf, overview, readCommandLine } from './admin/find.ts'
import { print, runToEnd } from './cli/output.ts'

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const asked = readCommandLine(words)
  if (asked.kind === 'overview') return print({ text: overview(), data: {} }, false)
  if (asked.kind === 'help') return print({ text: helpOf(asked.command), data: {} }, false)
  const session = new Session(asked.arguments)
  print(await asked.command.run(session), asked.arguments.flag('json'))
  // After what was made is shown: a key is shown once, whatever becomes of Redis.
  if (asked.command.endsLeases) await session.forgetLeases()
})
