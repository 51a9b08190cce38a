import { type Arguments, type Options, parseArguments } from '../cli/arguments.ts'
import { usage } from '../cli/failure.ts'
import { table } from '../cli/output.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'

/** What the words of a command line ask for. */
export type Asked =
  | { kind: 'overview' }
  | { kind: 'help'; command: Command }
  | { kind: 'command'; command: Command; arguments: Arguments }

const commonOptions: Options = {
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

/** Finds the command its first words name, and reads the rest by that command's options. */
export function readCommandLine(words: readonly string[]): Asked {
  const named = words.filter((word) => !word.startsWith('-'))
  if (named.length === 0) return { kind: 'overview' }

  const command = commands.find(({ name }) => isNamedBy(name, words))
  if (!command) throw usage(unknownCommand(named))
  const rest = words.slice(command.name.split(' ').length)
  const given = readOptions(command, rest)
  if (given.flag('help')) return { kind: 'help', command }
  const most = command.positional === undefined ? 0 : 1
  const extra = given.positionals[most]
  if (extra !== undefined) throw usage(`"${command.name}" takes no "${extra}"`)
  return { kind: 'command', command, arguments: given }
}

function readOptions(command: Command, words: readonly string[]): Arguments {
  try {
    return parseArguments(words, { ...command.options, ...commonOptions })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw usage(`${message}; see: npm run admin -- ${command.name} --help`)
  }
}

const isNamedBy = (name: string, words: readonly string[]) =>
  name.split(' ').every((word, at) => words[at] === word)

function unknownCommand(named: readonly string[]): string {
  const [noun = ''] = named
  const near = commands.filter(({ name }) => name.split(' ')[0] === noun).map(({ name }) => name)
  const asked = named.slice(0, 2).join(' ')
  return near.length > 0
    ? `there is no command "${asked}"; there are: ${near.join(', ')}`
    : `there is no command "${noun}"; "npm run admin" lists them`
}

/** All commands, a line each. */
export const overview = (): string =>
  [
    'npm run admin -- <command> [options]\n',
    table(commands.map(({ name, does }) => [`  ${name}`, does])),
    '\nEach explains itself: npm run admin -- <command> --help',
    'It works on the PayOS of "npm run dev", or on the hosted one the environment names.',
    'Exit codes: 0 done, 2 usage, 3 not accepted, 4 refused, 5 something did not answer.',
  ].join('\n')

/** What a command does, an example that runs, and its options. */
export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...commonOptions }).map(([name, option]) => [
    `  --${name}${option.value ? ` ${option.value}` : ''}`,
    `${option.help}${option.required ? ' (required)' : ''}`,
  ])
  const positional = command.positional ? ` ${command.positional}` : ''
  return [
    `npm run admin -- ${command.name}${positional} [options]\n`,
    `${command.does}\n`,
    'Example:',
    `  npm run admin -- ${command.example}\n`,
    table(rows),
  ].join('\n')
}
