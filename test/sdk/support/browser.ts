import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { install, RUNTIMES } from '../../support/install.ts'

/** What is used of puppeteer-core and of @sparticuz/chromium. */
type Page = { goto(url: string): Promise<unknown>; evaluate(code: string): Promise<unknown> }
type Puppeteer = {
  default: {
    launch(options: object): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>
  }
}
type Chromium = { default: { executablePath(): Promise<string> } }

export type Browser = {
  /** Runs the body of an async function, which finds `orders`, in a page of that origin. */
  run: (origin: string, body: string, orders: unknown) => Promise<unknown>
  close: () => Promise<void>
}

/** Starts a Chromium: that of `CHROME_PATH`, else npm's on Linux, elsewhere the Chrome installed. */
export async function openBrowser(): Promise<Browser> {
  await install(RUNTIMES)
  const { resolve } = createRequire(join(RUNTIMES, 'package.json'))
  const load = (name: string) => import(pathToFileURL(resolve(name)).href)
  const { default: puppeteer }: Puppeteer = await load('puppeteer-core')
  const { default: chromium }: Chromium = await load('@sparticuz/chromium')
  const found = process.env['CHROME_PATH']
  const isPacked = process.platform === 'linux' && process.arch === 'x64'
  const packed = isPacked ? await chromium.executablePath() : undefined
  const executablePath = found ?? packed
  const browser = await puppeteer.launch({
    // Containers have no sandbox of their own for it. Its own list would take CORS away.
    args: ['--no-sandbox', '--no-zygote', '--single-process'],
    ...(executablePath ? { executablePath } : { channel: 'chrome' }),
    headless: 'shell',
  })
  return {
    async run(origin, body, orders) {
      const page = await browser.newPage()
      await page.goto(origin)
      return page.evaluate(`(async (orders) => { ${body} })(${JSON.stringify(orders)})`)
    },
    close: () => browser.close(),
  }
}
