import type { Answer } from './answers.ts'
import type { Admission, Gate } from './gate.ts'
import type { Payment } from './proof.ts'

type Admitted = Extract<Admission, { ok: true }>

/** Runs a handler behind the gate. An answer from 400 on, or an error, gives the claim back. */
export async function guard(
  gate: Gate,
  request: Request,
  handle: (payment: Payment) => Response | Promise<Response>,
): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const admission = await gate.admit({
    method: request.method,
    target: pathname + search,
    header: (name) => request.headers.get(name),
  })
  if (admission.ok) return deliver(admission, handle)
  return responseOf(admission.answer)
}

const responseOf = ({ status, headers, body }: Answer) => new Response(body, { status, headers })

async function deliver(
  { payment, headers, finish }: Admitted,
  handle: (payment: Payment) => Response | Promise<Response>,
): Promise<Response> {
  let response: Response
  try {
    response = await handle(payment)
  } catch (error) {
    await finish(false)
    throw error
  }
  const instead = await finish(response.status < 400)
  if (instead) {
    await response.body?.cancel()
    return responseOf(instead)
  }
  // The body is handed on as it is: a stream streams.
  const sent = new Response(response.body, response)
  for (const [name, value] of Object.entries(headers())) sent.headers.set(name, value)
  return sent
}
