/** A command: words separated by single spaces, or a list where a word holds a space or a line. */
export type Sent = string | readonly (string | number)[]

/** What an empty database answers after `given`: the result, or the text of the error. */
export type Case = {
  it: string
  given?: readonly Sent[]
  send: Sent
  gives: unknown
}

/** An error as the REST API answers it. */
export const fails = (error: string) => ({ error })

export const WRONG_TYPE = fails('WRONGTYPE Operation against a key holding the wrong kind of value')
export const NOT_AN_INTEGER = fails('ERR value is not an integer or out of range')
export const SYNTAX = fails('ERR syntax error')

export const arity = (command: string) =>
  fails(`ERR wrong number of arguments for '${command}' command`)

export const wordsOf = (sent: Sent): readonly (string | number)[] =>
  typeof sent === 'string' ? sent.split(' ') : sent

export const isFailure = (gives: unknown): gives is { error: string } =>
  typeof gives === 'object' && gives !== null && 'error' in gives
