import { createHash } from 'node:crypto'
import { type Case, fails } from './case.ts'
import { raises, script, sha1 } from './script-case.ts'

const conversions: readonly Case[] = [
  script('a number answers an integer, its fraction dropped', 'return -3.99', -3),
  script('a number beyond 64 bits answers the least integer', 'return 1e300', -(2 ** 63)),
  script('true answers 1', 'return true', 1),
  script('false answers nil', 'return false', null),
  script('a script without return answers nil', 'local a = 1', null),
  script('a list ends at its first nil', 'return {1, nil, 3}', [1]),
  script('a list keeps false as nil', "return {false, 'a', {2.5}}", [null, 'a', [2]]),
  script('a table with ok is a status', "return {ok = 'fine'}", 'fine'),
  script('a table with err is an error as it stands', "return {err = 'boom'}", fails('boom')),
  script('error_reply adds ERR', "return redis.error_reply('boom')", fails('ERR boom')),
  script('error_reply keeps a code', "return redis.error_reply('MY boom')", fails('MY boom')),
  script('status_reply is a status', "return redis.status_reply('hi')", 'hi'),
  script('a nil reply is false', "return type(redis.call('GET', 'k'))", 'boolean'),
  script('a status reply has ok', "return redis.call('SET', 'k', 'v').ok", 'OK'),
  script('a nil in a list reply is false', "return redis.call('MGET', 'a')[1] == false", 1),
  script(
    'integers beyond 2^53 lose digits',
    'return tostring(9007199254740993)',
    '9.007199254741e+15',
  ),
  script('division prints as in Lua 5.1', 'return tostring(10 / 2)', '5'),
  script(
    'a number argument has 17 digits',
    "return redis.call('ECHO', 0.1)",
    '0.10000000000000001',
  ),
  script(
    'a whole number argument has no fraction',
    "return redis.call('ECHO', 2^53)",
    '9007199254740992',
  ),
  script('bytes pass through a script', "return redis.sha1hex('\\0\\255')", sha1Of([0, 255])),
  script('a zero byte does not end a string', "return #redis.call('ECHO', 'a\\0b')", 3),
]

function sha1Of(bytes: readonly number[]): string {
  return createHash('sha1').update(Buffer.from(bytes)).digest('hex')
}

const libraries: readonly Case[] = [
  script('cjson writes the empty table as an object', 'return cjson.encode({})', '{}'),
  script(
    'cjson forgets that an empty list was one',
    "return cjson.encode(cjson.decode('[]'))",
    '{}',
  ),
  script('cjson writes a list', "return cjson.encode({1, 'a', true, {2}})", '[1,"a",true,[2]]'),
  script('cjson fills holes with null', 'return cjson.encode({[1] = 1, [3] = 2})', '[1,null,2]'),
  script(
    'cjson writes 14 digits',
    'return cjson.encode({0.1, 1e15, 2^53})',
    '[0.1,1e+15,9.007199254741e+15]',
  ),
  script(
    'cjson escapes slash, controls and DEL',
    "return cjson.encode('a/\\n\\1\\127é')",
    '"a\\/\\n\\u0001\\u007fé"',
  ),
  script('cjson reads null as cjson.null', "return cjson.decode('[null]')[1] == cjson.null", 1),
  script('cjson.null is written as null', 'return cjson.encode({a = cjson.null})', '{"a":null}'),
  script(
    'cjson reads escapes',
    `return cjson.decode('"\\\\u00e9\\\\ud83d\\\\ude00\\\\n"')`,
    'é😀\n',
  ),
  script('cjson reads members', `return cjson.decode('{"a":{"b":[1,2]}}').a.b[2]`, 2),
  raises('cjson refuses what is not JSON', "return cjson.decode('x')", {
    error: 'ERR user_script:1: Expected value but found invalid token at character 1',
  }),
  raises('cjson refuses a sparse list', 'return cjson.encode({[1] = 1, [20] = 2})', {
    error: 'ERR user_script:1: Cannot serialise table: excessively sparse array',
  }),
  raises('cjson refuses a function', 'return cjson.encode(print_ or tostring)', {
    error: "ERR user_script:1: Script attempted to access nonexistent global variable 'print_'",
  }),
  script(
    '%d holds 64 bits',
    "return string.format('%d|%5s', 2^53, '1e3')",
    '9007199254740992|  1e3',
  ),
  script('tonumber reads 64 bits in any base', "return tonumber('ffffffffff', 16)", 2 ** 40 - 1),
  script('bit.band rounds its arguments', 'return bit.band(1.5, 255)', 2),
  script('bit.lshift wraps to 32 bits', 'return bit.lshift(1, 31)', -(2 ** 31)),
  script('bit.tohex gives the last digits', 'return bit.tohex(255, 4)', '00ff'),
  script('bit.rol turns', 'return bit.tohex(bit.rol(0x12345678, 12))', '45678123'),
  script('sha1hex of the empty text', "return redis.sha1hex('')", sha1('')),
]

const errors: readonly Case[] = [
  raises(
    'a failed command ends the script',
    "redis.call('SET', 'k', 'v')\nredis.call('HGET', 'k', 'f')",
    {
      error: 'WRONGTYPE Operation against a key holding the wrong kind of value',
      line: 2,
    },
  ),
  {
    it: 'what a script wrote before it failed stays',
    given: [['EVAL', "redis.call('SET', KEYS[1], 'v') error('oops')", 1, 'k']],
    send: 'GET k',
    gives: 'v',
  },
  raises('error() names its line', "local a = 1\nerror('oops')", {
    error: 'ERR user_script:2: oops',
    line: 2,
  }),
  raises('error() with a table keeps its text', "error({err = 'MY boom'})", { error: 'MY boom' }),
  script(
    'redis.pcall gives the error back',
    "return redis.pcall('INCR')['err']",
    'ERR Wrong number of args calling Redis command from script',
  ),
  script(
    'pcall catches the text',
    "local ok, text = pcall(redis.call, 'INCR') return text",
    'ERR Wrong number of args calling Redis command from script',
  ),
  raises('a command within a script needs arguments', 'redis.call()', {
    error: 'ERR Please specify at least one argument for this redis lib call',
  }),
  raises('a table is no argument', "redis.call('SET', 'k', {})", {
    error: 'ERR Lua redis lib command arguments must be strings or integers',
  }),
  raises('scripts do not nest', "redis.call('EVAL', 'return 1', 0)", {
    error: 'ERR This Redis command is not allowed from script',
  }),
  raises('globals cannot be set', 'x = 1', {
    error: 'ERR user_script:1: Attempt to modify a readonly table',
  }),
  raises('libraries cannot be changed', 'string.x = 1', {
    error: 'ERR user_script:1: Attempt to modify a readonly table',
  }),
  raises('unknown globals cannot be read', 'return y', {
    error: "ERR user_script:1: Script attempted to access nonexistent global variable 'y'",
  }),
  script(
    'a script that does not parse is refused',
    'return 1 +',
    fails(
      "ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'",
    ),
  ),
]

/** Lua itself: conversions, libraries, errors. */
export const scripts: readonly Case[] = [...conversions, ...libraries, ...errors]
