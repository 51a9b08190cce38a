/**
 * Reads the oldest records of one shard, removing none: {how many there are, entries}.
 *
 * KEYS: 1 the stream of the shard
 * ARGV: 1 how many to read at most
 *
 * A script, though it only reads, and not flagged as such: reads may be answered by a replica that
 * lags, and an empty stream is taken as the word that everything promised has been settled.
 */
export const READ = `#!lua flags=allow-key-locking
return { redis.call('XLEN', KEYS[1]), redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1]) }
`
