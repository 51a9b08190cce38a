import { createHash } from 'node:crypto'
import { type Case, fails } from './case.ts'

export const sha1 = (text: string) => createHash('sha1').update(text).digest('hex')

/** What `text` answers, run without keys. */
export const script = (it: string, text: string, gives: unknown): Case => ({
  it,
  send: ['EVAL', text, 0],
  gives,
})

/** A script that ends in an error at a line; Redis adds the script's hash and the line. */
export const raises = (
  it: string,
  text: string,
  { error, line = 1 }: { error: string; line?: number },
) => script(it, text, fails(`${error} script: ${sha1(text)}, on @user_script:${line}.`))
