export type RedisAddress = { url: string; token: string; environment: string }

/** The words of one command, its name first. */
export type Words = readonly (string | number)[]

/** One Redis: what is sent is sent once and never repeated. Each throws when it was refused or late. */
export type Redis = {
  /** What a command answers: texts as they lie there, numbers as numbers. */
  call(...words: Words): Promise<unknown>
  /** What a script answers, run on these keys with these words. */
  run(script: string, keys: readonly string[], words: Words): Promise<unknown>
  /** What several answer, sent as one call and run in order; not a transaction. */
  callAll(commands: readonly Words[]): Promise<unknown[]>
}

/**
 * A Redis by Upstash's REST face. What is sent is what the vendor's client sends, but that answers
 * are asked for as plain JSON. Errors name no command, since commands hold answers to agents.
 */
export function connect(
  { url, token }: Pick<RedisAddress, 'url' | 'token'>,
  timeoutMs: number,
): Redis {
  const base = url.replace(/\/$/, '')
  // With it a replica answers no reads from before this client's own writes.
  let syncToken = ''
  const send = async (to: string, body: unknown) => {
    const answer = await fetch(to, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'upstash-sync-token': syncToken,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const json: unknown = await answer.json()
    if (!answer.ok) throw new Error(`Redis answered ${answer.status}`)
    syncToken = answer.headers.get('upstash-sync-token') ?? ''
    return json
  }
  const call = async (...words: Words) => resultIn(await send(base, words))
  return {
    call,
    run: (script, keys, words) => call('eval', script, keys.length, ...keys, ...words),
    async callAll(commands) {
      const answers = await send(`${base}/pipeline`, commands)
      if (!Array.isArray(answers) || answers.length !== commands.length) throw notAnAnswer()
      return answers.map(resultIn)
    },
  }
}

function resultIn(answer: unknown): unknown {
  const isObject = typeof answer === 'object' && answer !== null
  if (!isObject || !('result' in answer)) throw notAnAnswer()
  return answer.result
}

const notAnAnswer = () => new Error('Redis refused a command, or its answer cannot be read')
