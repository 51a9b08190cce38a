import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PayosClient } from '../../../sdk/x402/index.ts'
import { install, OFFICIAL } from '../../support/install.ts'

/** A paying function of any of the clients, brought to one form. */
export type Paying = (url: string, init?: RequestInit) => Promise<Response>

/** What is used of an `x402Client`. Older ones lack some of it. */
export type OfficialClient = {
  register(network: string, scheme: unknown): OfficialClient
  onBeforePaymentCreation(hook: unknown): OfficialClient
}

type Wrap = (base: unknown, client: OfficialClient) => Paying

/** The packages, loaded from their own install, which the project's does not see. */
export type Packages = {
  load<Module>(name: string): Promise<Module>
  /** A module of `examples/official`. */
  example<Module>(name: string): Promise<Module>
}

export async function openPackages(): Promise<Packages> {
  await install(OFFICIAL)
  const { resolve } = createRequire(join(OFFICIAL, 'package.json'))
  return {
    load: (name) => import(pathToFileURL(resolve(name)).href),
    example: (name) => import(pathToFileURL(join(OFFICIAL, name)).href),
  }
}

export const clients = ['fetch 2.27', 'fetch 2.11', 'fetch 2.0', 'axios 2.11'] as const
export type ClientName = (typeof clients)[number]

const names = {
  'fetch 2.27': '@x402/fetch',
  'fetch 2.11': 'x402-fetch-2.11',
  'fetch 2.0': 'x402-fetch-2.0',
}

/** An official client, unmodified, that has the PayOS scheme added as its users would add it. */
export async function openClient(
  packages: Packages,
  name: ClientName,
  payos: PayosClient,
): Promise<Paying> {
  const known = name === 'axios 2.11' ? '@x402/axios' : names[name]
  const module = await packages.load<{ x402Client: new () => OfficialClient }>(known)
  const client = new module.x402Client().register('payos:*', payos)
  if (name !== 'fetch 2.27') {
    client.onBeforePaymentCreation(payos.schemeHooks.onBeforePaymentCreation)
  }
  if (name === 'axios 2.11') return axiosPaying(packages, client)
  const { wrapFetchWithPayment } = module as unknown as { wrapFetchWithPayment: Wrap }
  const pay = wrapFetchWithPayment(payos.guard(fetch), client)
  // The oldest one refuses a call without a second argument.
  return (url, init = {}) => pay(url, init)
}

type Axios = {
  get(url: string, options: object): Promise<{ status: number; data: string; headers: object }>
}

async function axiosPaying(packages: Packages, client: OfficialClient): Promise<Paying> {
  const { default: axios } = await packages.load<{ default: { create(): unknown } }>('axios')
  const { wrapAxiosWithPayment } = await packages.load<{
    wrapAxiosWithPayment(instance: unknown, client: OfficialClient): Axios
  }>('@x402/axios')
  const instance = wrapAxiosWithPayment(axios.create(), client)
  return async (url) => {
    const { status, data, headers } = await instance.get(url, { responseType: 'text' })
    return new Response(data, { status, headers: { ...headers } as Record<string, string> })
  }
}

/** What an official server hands to a facilitator. */
export type StandardPayment = {
  payload: Record<string, unknown>
  requirements: Record<string, unknown>
}

type Told = { transaction?: string; amount?: string; payer?: string; errorReason?: string }

/** The official client of a facilitator. */
export type HttpFacilitator = {
  verify(
    payload: object,
    requirements: object,
  ): Promise<{
    isValid: boolean
    invalidReason?: string
  }>
  settle(payload: object, requirements: object): Promise<Told & { success: boolean }>
  getSupported(): Promise<{ kinds: object[]; extensions: string[]; signers: object }>
}

export async function openFacilitator(
  packages: Packages,
  url: string,
  { key, timeoutMs = 90_000 }: { key: string; timeoutMs?: number },
): Promise<HttpFacilitator> {
  const { HTTPFacilitatorClient } = await packages.load<{
    HTTPFacilitatorClient: new (options: object) => HttpFacilitator
  }>('@x402/core/server')
  const headers = { Authorization: `Bearer ${key}` }
  return new HTTPFacilitatorClient({
    url,
    timeoutMs,
    createAuthHeaders: async () => ({ verify: headers, settle: headers, supported: headers }),
  })
}
