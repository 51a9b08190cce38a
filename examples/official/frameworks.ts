import express, { type Request, type Response } from 'express'
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { type Context, Hono } from 'hono'
import { type PaywallOptions, paywall } from '../../sdk/provider/index.ts'

const weather = { city: 'lima', sky: 'overcast' }

/** Our own paywall on Express. */
export const createExpress = (options: PaywallOptions) =>
  express().get(
    '/weather',
    paywall(options).express((request: Request, response: Response, { agentId }) => {
      response.json({ ...weather, path: request.path, agentId })
    }),
  )

/** Our own paywall on Fastify. */
export const createFastify = (options: PaywallOptions) =>
  fastify().get(
    '/weather',
    paywall(options).fastify(
      async (request: FastifyRequest, _reply: FastifyReply, { agentId }) => ({
        ...weather,
        path: request.url,
        agentId,
      }),
    ),
  )

/** Our own paywall on Hono. */
export const createHono = (options: PaywallOptions) =>
  new Hono().get(
    '/weather',
    paywall(options).hono((c: Context, { agentId }) =>
      c.json({ ...weather, path: c.req.path, agentId }),
    ),
  )
