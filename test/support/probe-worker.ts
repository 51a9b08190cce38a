type Env = { BACKEND: string; SETTING: string }
type Context = { waitUntil: (work: Promise<unknown>) => void }
type Asked = {
  request: Request
  env: Env
  context: Context
  call: (path: string) => Promise<Response>
}

let seen = 0

/** By path: shows what an edge gives its Worker, or calls the backend in one way. */
const answers: Record<string, (asked: Asked) => Promise<Response>> = {
  '/state': async ({ request, env }) => {
    // biome-ignore lint/suspicious/noConsole: a spec reads what a Worker prints
    console.log('probe', env.SETTING)
    return Response.json({
      seen: ++seen,
      now: Date.now(),
      date: new Date().toISOString(),
      epoch: new Date(0).toISOString(),
      ray: request.headers.get('cf-ray'),
      setting: env.SETTING,
    })
  },
  '/calls': async ({ request, call }) => {
    const { searchParams } = new URL(request.url)
    const calls = Array.from({ length: Number(searchParams.get('times')) }, () =>
      call(searchParams.get('path') ?? ''),
    )
    const startedAt = Date.now()
    await Promise.all(calls)
    return Response.json({ ms: Date.now() - startedAt })
  },
  '/impatient': async ({ env }) => {
    const signal = AbortSignal.timeout(20)
    return errorOf(fetch(`${env.BACKEND}/abandoned`, { method: 'POST', signal }))
  },
  '/later': async ({ context, call }) => {
    const pause = new Promise((resolve) => setTimeout(resolve, 10))
    context.waitUntil(pause.then(() => call('/later')))
    return new Response('first')
  },
  '/drop': async ({ call }) => errorOf(call('/drop')),
}

async function errorOf(answer: Promise<Response>): Promise<Response> {
  const told = answer.then(
    () => 'answered',
    (error: Error) => `${error.name}: ${error.message}`,
  )
  return new Response(await told)
}

// biome-ignore lint/style/noDefaultExport: a Worker is its default export
export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const call = (path: string) => fetch(env.BACKEND + path, { method: 'POST', body: 'x' })
    const answer = answers[new URL(request.url).pathname]
    return answer?.({ request, env, context, call }) ?? new Response('unknown', { status: 404 })
  },

  async scheduled(controller: { cron: string; scheduledTime: number }, env: Env): Promise<void> {
    if (controller.cron === 'broken') throw new Error('broken')
    await fetch(`${env.BACKEND}/cron?${controller.scheduledTime}`)
  },
}
