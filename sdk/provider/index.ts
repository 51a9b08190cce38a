import { Gate } from './gate.ts'
import { admitNode, type NodeRequest, type NodeResponse } from './node.ts'
import { type PaywallOptions, readOptions } from './options.ts'
import type { Payment } from './proof.ts'
import { guard } from './web.ts'

export {
  type ClaimsNamespace,
  ClaimsObject,
  type ClaimsState,
  durableObjectClaims,
} from './durable-object.ts'
export type { EdgeCallOptions } from './edge-call.ts'
export {
  type Claims,
  edgeClaims,
  memoryClaims,
  type RedisClaimsOptions,
  type RedisLike,
  redisClaims,
  type Use,
} from './first-use.ts'
export {
  EdgeUnavailable,
  type JsonWebKeySet,
  type Keys,
  type KeysOptions,
  payosKeys,
} from './keys.ts'
export type { NodeRequest, NodeResponse } from './node.ts'
export type { PaywallEvent, PaywallOptions } from './options.ts'
export type { Payment, Proof, ProofReason } from './proof.ts'
export { type ProofExpectation, type Verdict, verifyProof } from './verify-proof.ts'
export {
  type RawWebhook,
  WebhookError,
  type WebhookErrorCode,
  type WebhookEvent,
  type WebhookOptions,
  webhookReader,
} from './webhooks.ts'

type Answered = Response | Promise<Response>

/** Wraps handlers, so that each runs once for each payment and never without one. */
export type Paywall = {
  /** For a plain `Request → Response` handler, as Workers, Deno and Bun have them. */
  wrap(
    handler: (request: Request, payment: Payment) => Answered,
  ): (request: Request) => Promise<Response>
  /** For a route handler of Next.js. */
  next<Context>(
    handler: (request: Request, context: Context, payment: Payment) => Answered,
  ): (request: Request, context: Context) => Promise<Response>
  /** For a handler of Hono. */
  hono<Context extends { req: { raw: Request } }>(
    handler: (c: Context, payment: Payment) => Answered,
  ): (c: Context) => Promise<Response>
  /** For a handler of Express, or of `node:http`. */
  express<Incoming extends NodeRequest, Outgoing extends NodeResponse>(
    handler: (request: Incoming, response: Outgoing, payment: Payment) => unknown,
  ): (request: Incoming, response: Outgoing, next?: (error: unknown) => void) => Promise<void>
  /** For a handler of Fastify. */
  fastify<Incoming extends { raw: NodeRequest }, Reply extends FastifyReplyLike>(
    handler: (request: Incoming, reply: Reply, payment: Payment) => unknown,
  ): (request: Incoming, reply: Reply) => Promise<unknown>
  /** Presents the leased proofs that wait, as is done every two seconds. Call it before the end. */
  present(): Promise<void>
}

/** What is used of a Fastify reply. */
export type FastifyReplyLike = { raw: NodeResponse; hijack(): unknown }

/**
 * Makes a paywall for one endpoint.
 *
 * It wraps the handler itself, so no spelling of a path gets around it. Proofs are verified here,
 * against keys that are kept for a day: the edge may be away. Make one per endpoint and process.
 *
 * @throws TypeError at once, when an option is not as expected; in live mode also when claims are
 * not shared between processes, since two of them would then serve one payment twice.
 */
export function paywall(options: PaywallOptions): Paywall {
  const settings = readOptions(options)
  const gate = new Gate(settings)
  return {
    present: async () => settings.collector?.flush(),
    wrap: (handler) => (request) => guard(gate, request, (payment) => handler(request, payment)),
    next: (handler) => (request, context) =>
      guard(gate, request, (payment) => handler(request, context, payment)),
    hono: (handler) => (c) => guard(gate, c.req.raw, (payment) => handler(c, payment)),
    express: (handler) => async (request, response, next) => {
      try {
        const payment = await admitNode(gate, request, response)
        if (payment) await handler(request, response, payment)
      } catch (error) {
        if (!next) throw error
        next(error)
      }
    },
    fastify: (handler) => async (request, reply) => {
      const payment = await admitNode(gate, request.raw, reply.raw)
      return payment ? handler(request, reply, payment) : reply.hijack()
    },
  }
}
