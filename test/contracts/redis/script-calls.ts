import { type Case, fails, NOT_AN_INTEGER } from './case.ts'
import { raises, script, sha1 } from './script-case.ts'

const calling: readonly Case[] = [
  {
    it: 'KEYS and ARGV come apart',
    send: ['EVAL', 'return {KEYS[1], ARGV[1], #ARGV}', 1, 'k', 'a'],
    gives: ['k', 'a', 1],
  },
  {
    it: 'arguments are text until they are added',
    send: ['EVAL', 'return ARGV[1] + ARGV[2]', 0, 2, 3],
    gives: 5,
  },
  { it: 'EVAL of a bad key count is refused', send: 'EVAL return x', gives: NOT_AN_INTEGER },
  {
    it: 'EVAL of more keys than words is refused',
    send: 'EVAL return 2 a',
    gives: fails("ERR Number of keys can't be greater than number of args"),
  },
  {
    it: 'EVAL of a negative key count is refused',
    send: 'EVAL return -1',
    gives: fails("ERR Number of keys can't be negative"),
  },
  {
    it: 'EVALSHA of an unknown script is NOSCRIPT',
    send: `EVALSHA ${sha1('')} 0`,
    gives: fails('NOSCRIPT No matching script. Please use EVAL.'),
  },
  {
    it: 'EVAL makes a script known',
    given: [['EVAL', 'return 7', 0]],
    send: `EVALSHA ${sha1('return 7')} 0`,
    gives: 7,
  },
  {
    it: 'SCRIPT LOAD answers the hash',
    send: ['SCRIPT', 'LOAD', 'return 7'],
    gives: sha1('return 7'),
  },
  {
    it: 'SCRIPT EXISTS tells',
    given: [['SCRIPT', 'LOAD', 'return 7']],
    send: `SCRIPT EXISTS ${sha1('')} ${sha1('return 7')}`,
    gives: [0, 1],
  },
  {
    it: 'SCRIPT FLUSH forgets',
    given: [['SCRIPT', 'LOAD', 'return 7'], 'SCRIPT FLUSH'],
    send: `SCRIPT EXISTS ${sha1('return 7')}`,
    gives: [0],
  },
  {
    it: 'EVAL_RO reads',
    given: ['SET k v'],
    send: ['EVAL_RO', "return redis.call('GET', KEYS[1])", 1, 'k'],
    gives: 'v',
  },
  {
    it: 'EVAL_RO does not write',
    send: ['EVAL_RO', "return redis.pcall('SET', 'k', 'v')", 0],
    gives: fails('ERR Write commands are not allowed from read-only scripts.'),
  },
  {
    it: 'EVALSHA_RO runs a known script',
    given: [['SCRIPT', 'LOAD', 'return 7']],
    send: `EVALSHA_RO ${sha1('return 7')} 0`,
    gives: 7,
  },
]

const LOCKED = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])"
const LOCKED_READER = '#!lua flags=no-writes,allow-key-locking\nreturn 1'

const flags: readonly Case[] = [
  { it: 'allow-key-locking runs', send: ['EVAL', LOCKED, 1, 'k'], gives: 1 },
  {
    it: 'allow-key-locking is part of the hash',
    given: [['EVAL', LOCKED, 1, 'k']],
    send: `EVALSHA ${sha1(LOCKED)} 1 k`,
    gives: 2,
  },
  { it: 'SCRIPT LOAD hashes the flag too', send: ['SCRIPT', 'LOAD', LOCKED], gives: sha1(LOCKED) },
  {
    it: 'SCRIPT EXISTS knows that hash',
    given: [['SCRIPT', 'LOAD', LOCKED]],
    send: `SCRIPT EXISTS ${sha1(LOCKED)}`,
    gives: [1],
  },
  { it: 'allow-key-locking goes with no-writes', send: ['EVAL_RO', LOCKED_READER, 0], gives: 1 },
  raises('allow-key-locking leaves line numbers', "#!lua flags=allow-key-locking\nerror('oops')", {
    error: 'ERR user_script:2: oops',
    line: 2,
  }),
  raises('no-writes does not write', "#!lua flags=no-writes\nredis.call('SET', 'k', 'v')", {
    error: 'ERR Write commands are not allowed from read-only scripts.',
    line: 2,
  }),
  {
    it: 'a declared script that may write is none for EVAL_RO',
    send: ['EVAL_RO', '#!lua\nreturn 1', 0],
    gives: fails('ERR Can not execute a script with write flag using *_ro command.'),
  },
  script(
    'an unknown flag is refused',
    '#!lua flags=foo\nreturn 1',
    fails('ERR Unexpected flag in script shebang: foo'),
  ),
  script(
    'another engine is refused',
    '#!js\nreturn 1',
    fails('ERR Unexpected engine in script shebang: #!js'),
  ),
  script('a first line alone is refused', '#!lua', fails('ERR Invalid script shebang')),
]

/** How scripts are called, kept and flagged. */
export const scriptCalls: readonly Case[] = [...calling, ...flags]
