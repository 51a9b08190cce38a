import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { installSdk } from '../../sdk/build.ts'
import { openWorld, type World } from '../support/world.ts'
import { type Browser, openBrowser } from './support/browser.ts'
import { clientOptions, openShop, type Shop } from './support/market.ts'
import { type Served, serve } from './support/serve.ts'

let world: World
let shop: Shop
let browser: Browser
/** The page the operator lets call, and one of another origin. */
let pages: [ours: Served, other: Served]

beforeAll(async () => {
  const project = await mkdtemp(join(tmpdir(), 'payos-page-'))
  await installSdk(project)
  const client = await readFile(join(project, 'node_modules/@payos/x402/dist/client.js'), 'utf8')
  await rm(project, { recursive: true })
  pages = [await servePage(client), await servePage(client)]
  world = await openWorld()
  await world.payos.edges.setBindings({ PAGE_ORIGINS: JSON.stringify([pages[0].origin]) })
  shop = await openShop(world)
  letPagesCall(shop)
  browser = await openBrowser()
}, 600_000)
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await browser?.close()
  await shop?.stop()
  for (const page of pages ?? []) await page.stop()
  await world?.close()
})

/** A site with an empty page, and the SDK as a module. */
function servePage(client: string): Promise<Served> {
  return serve(({ url }) => {
    const isModule = new URL(url).pathname === '/client.js'
    const type = isModule ? 'text/javascript' : 'text/html'
    return new Response(isModule ? client : '<!doctype html>', {
      headers: { 'content-type': type },
    })
  })
}

/** What a provider adds whose buyers are web pages: the headers of x402 may be sent and read. */
function letPagesCall(it: Shop): void {
  const sell = it.handle
  const app = new Hono()
  const policy = cors({
    origin: '*',
    allowHeaders: ['PAYMENT-SIGNATURE', 'X-Payment-JWT'],
    exposeHeaders: ['PAYMENT-REQUIRED', 'PAYMENT-RESPONSE', 'Retry-After'],
  })
  app.use(policy)
  app.all('*', (c) => sell(c.req.raw))
  it.handle = (request) => app.fetch(request)
}

/** Has a page of that site pay for the shop's URL by the SDK. */
async function buyFrom(site: Served) {
  const agent = await world.agent({ signs: true })
  const { timing: _, ...options } = clientOptions(world, agent)
  const bought = await browser.run(
    site.origin,
    `const { withPayments, paymentOf } = await import('/client.js')
     const { url, options } = orders
     try {
       const response = await withPayments(fetch, options)(url)
       const { paymentId } = paymentOf(response) ?? {}
       return { status: response.status, text: await response.text(), paymentId }
     } catch ({ code, retry }) {
       return { code, retry }
     }`,
    { url: shop.url, options },
  )
  return { bought, payments: await world.paymentsOf(agent) }
}

describe('the client in a web page', () => {
  it('pays, where the operator lets pages of its origin call', async ({ expect }) => {
    const { bought, payments } = await buyFrom(pages[0])

    expect(bought).toEqual({ status: 200, text: 'sunny', paymentId: payments[0]?.id })
    expect(payments).toHaveLength(1)
  })

  it('pays nothing from any other origin, and says that the edge cannot be reached', async ({
    expect,
  }) => {
    const { bought, payments } = await buyFrom(pages[1])

    expect([bought, payments]).toEqual([
      { code: 'dependency_unavailable', retry: 'same_request' },
      [],
    ])
  })
})
