import { arity, type Case, fails, NOT_AN_INTEGER, SYNTAX, WRONG_TYPE } from './case.ts'

const A = ['1-1', ['f', 'a']]
const B = ['2-0', ['f', 'b']]
const C = ['2-1', ['f', 'c']]
const LOG = ['XADD s 1-1 f a', 'XADD s 2-0 f b', 'XADD s 2-1 f c']
const GROUP = [...LOG, 'XGROUP CREATE s g 0']
const READ = [...GROUP, 'XREADGROUP GROUP g me COUNT 2 STREAMS s >']
const noGroup = fails("NOGROUP No such key 's' or consumer group 'g'")

/** Streams and their consumer groups. */
export const streams: readonly Case[] = [
  { it: 'XADD answers the id it was given', send: 'XADD s 5-3 f v', gives: '5-3' },
  { it: 'XADD with milliseconds alone takes sequence 0', send: 'XADD s 5 f v', gives: '5-0' },
  {
    it: 'XADD ms-* takes the next sequence',
    given: ['XADD s 5-3 f v'],
    send: 'XADD s 5-* f v',
    gives: '5-4',
  },
  { it: 'XADD 0-* begins at 0-1', send: 'XADD s 0-* f v', gives: '0-1' },
  {
    it: 'XADD * after an id of the future takes its next sequence',
    given: ['XADD s 99999999999999-7 f v'],
    send: 'XADD s * f v',
    gives: '99999999999999-8',
  },
  {
    it: 'XADD of an id not above the last is refused',
    given: LOG,
    send: 'XADD s 2-1 f v',
    gives: fails(
      'ERR The ID specified in XADD is equal or smaller than the target stream top item',
    ),
  },
  {
    it: 'XADD 0-0 is refused',
    send: 'XADD s 0-0 f v',
    gives: fails('ERR The ID specified in XADD must be greater than 0-0'),
  },
  {
    it: 'XADD of a malformed id is refused',
    send: 'XADD s 1-x f v',
    gives: fails('ERR Invalid stream ID specified as stream command argument'),
  },
  { it: 'XADD of a field without value is refused', send: 'XADD s * f v g', gives: arity('xadd') },
  {
    it: 'XADD of a string is a type error',
    given: ['SET s x'],
    send: 'XADD s * f v',
    gives: WRONG_TYPE,
  },
  { it: 'XADD NOMKSTREAM makes no stream', send: 'XADD s NOMKSTREAM * f v', gives: null },
  {
    it: 'XADD MAXLEN keeps the newest',
    given: [...LOG, 'XADD s MAXLEN 2 3-0 f d'],
    send: 'XRANGE s - +',
    gives: [C, ['3-0', ['f', 'd']]],
  },
  {
    it: 'XADD MAXLEN ~ leaves a small stream whole',
    given: [...LOG, 'XADD s MAXLEN ~ 1 3-0 f d'],
    send: 'XLEN s',
    gives: 4,
  },
  {
    it: 'XADD MINID drops what is older',
    given: [...LOG, 'XADD s MINID = 2-1 3-0 f d'],
    send: 'XLEN s',
    gives: 2,
  },
  { it: 'XLEN of an absent key is 0', send: 'XLEN s', gives: 0 },
  { it: 'XRANGE gives all in order', given: LOG, send: 'XRANGE s - +', gives: [A, B, C] },
  { it: 'XRANGE COUNT gives the first', given: LOG, send: 'XRANGE s - + COUNT 1', gives: [A] },
  { it: 'XRANGE takes whole milliseconds', given: LOG, send: 'XRANGE s 2 2', gives: [B, C] },
  { it: 'XRANGE ( leaves the end itself out', given: LOG, send: 'XRANGE s (1-1 (2-1', gives: [B] },
  {
    it: 'XRANGE of a bad count is refused',
    given: LOG,
    send: 'XRANGE s - + COUNT x',
    gives: NOT_AN_INTEGER,
  },
  {
    it: 'XREVRANGE gives the newest first',
    given: LOG,
    send: 'XREVRANGE s + - COUNT 2',
    gives: [C, B],
  },
  { it: 'XTRIM answers how many went', given: LOG, send: 'XTRIM s MAXLEN 1', gives: 2 },
  { it: 'XTRIM MINID drops what is older', given: LOG, send: 'XTRIM s MINID 2-0', gives: 1 },
  { it: 'XTRIM ~ leaves a small stream whole', given: LOG, send: 'XTRIM s MAXLEN ~ 1', gives: 0 },
  { it: 'XTRIM ~ to nothing takes all', given: LOG, send: 'XTRIM s MAXLEN ~ 0', gives: 3 },
  { it: 'XTRIM without a strategy is refused', given: LOG, send: 'XTRIM s 5 5', gives: SYNTAX },
  { it: 'XDEL counts what was there', given: LOG, send: 'XDEL s 1-1 9-9', gives: 1 },
  {
    it: 'an emptied stream stays',
    given: ['XADD s 1-1 f v', 'XDEL s 1-1'],
    send: 'TYPE s',
    gives: 'stream',
  },
  {
    it: 'an emptied stream keeps its last id',
    given: ['XADD s 5-1 f v', 'XDEL s 5-1'],
    send: 'XADD s 5-1 f v',
    gives: fails(
      'ERR The ID specified in XADD is equal or smaller than the target stream top item',
    ),
  },
  {
    it: 'XGROUP CREATE MKSTREAM makes the stream',
    given: ['XGROUP CREATE s g $ MKSTREAM'],
    send: 'XLEN s',
    gives: 0,
  },
  {
    it: 'XGROUP CREATE without a stream is refused',
    send: 'XGROUP CREATE s g 0',
    gives: fails(
      'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want ' +
        'to use the MKSTREAM option to create an empty stream automatically.',
    ),
  },
  {
    it: 'XGROUP CREATE of a known group is refused',
    given: GROUP,
    send: 'XGROUP CREATE s g 0',
    gives: fails('BUSYGROUP Consumer Group name already exists'),
  },
  {
    it: 'XREADGROUP > gives new entries',
    given: GROUP,
    send: 'XREADGROUP GROUP g me COUNT 2 STREAMS s >',
    gives: [['s', [A, B]]],
  },
  {
    it: 'XREADGROUP > goes on where the group was',
    given: READ,
    send: 'XREADGROUP GROUP g you STREAMS s >',
    gives: [['s', [C]]],
  },
  {
    it: 'XREADGROUP > with nothing new is nil',
    given: [...READ, 'XREADGROUP GROUP g me STREAMS s >'],
    send: 'XREADGROUP GROUP g me STREAMS s >',
    gives: null,
  },
  {
    it: 'XREADGROUP 0 gives what is pending',
    given: READ,
    send: 'XREADGROUP GROUP g me STREAMS s 0',
    gives: [['s', [A, B]]],
  },
  {
    it: 'XREADGROUP 0 gives nothing of another consumer',
    given: READ,
    send: 'XREADGROUP GROUP g you STREAMS s 0',
    gives: [['s', []]],
  },
  {
    it: 'XREADGROUP 0 shows a deleted entry without fields',
    given: [...READ, 'XDEL s 1-1'],
    send: 'XREADGROUP GROUP g me STREAMS s 0',
    gives: [['s', [['1-1', null], B]]],
  },
  {
    it: 'XREADGROUP without a group is refused',
    given: LOG,
    send: 'XREADGROUP GROUP g me STREAMS s >',
    gives: fails("NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"),
  },
  {
    it: 'XREADGROUP NOACK leaves nothing pending',
    given: [...GROUP, 'XREADGROUP GROUP g me NOACK STREAMS s >'],
    send: 'XPENDING s g',
    gives: [0, null, null, null],
  },
  { it: 'XACK counts what was pending', given: READ, send: 'XACK s g 1-1 2-1', gives: 1 },
  { it: 'XACK of an absent group is 0', given: LOG, send: 'XACK s g 1-1', gives: 0 },
  {
    it: 'XPENDING sums up',
    given: READ,
    send: 'XPENDING s g',
    gives: [2, '1-1', '2-0', [['me', '2']]],
  },
  {
    it: 'XPENDING of an absent group is refused',
    given: LOG,
    send: 'XPENDING s g',
    gives: noGroup,
  },
  {
    it: 'XPENDING IDLE leaves the fresh out',
    given: READ,
    send: 'XPENDING s g IDLE 60000 - + 10',
    gives: [],
  },
  {
    it: 'XAUTOCLAIM takes over, up to its count',
    given: READ,
    send: 'XAUTOCLAIM s g you 0 - COUNT 1',
    gives: ['2-0', [A], []],
  },
  {
    it: 'XAUTOCLAIM drops deleted entries and says so',
    given: [...READ, 'XDEL s 1-1'],
    send: 'XAUTOCLAIM s g you 0 0-0',
    gives: ['0-0', [B], ['1-1']],
  },
  {
    it: 'XAUTOCLAIM leaves the fresh',
    given: READ,
    send: 'XAUTOCLAIM s g you 60000 0-0',
    gives: ['0-0', [], []],
  },
  {
    it: 'XAUTOCLAIM JUSTID gives ids',
    given: READ,
    send: 'XAUTOCLAIM s g you 0 0-0 JUSTID',
    gives: ['0-0', ['1-1', '2-0'], []],
  },
]
