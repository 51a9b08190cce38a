import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Checkout, openCheckout, type Running } from '../support/dev.ts'
import { install, OFFICIAL } from '../support/install.ts'

let checkout: Checkout
let running: Running

beforeAll(async () => {
  await install(OFFICIAL)
  checkout = await openCheckout()
  running = checkout.start('npm run dev')
  await running.printed('Ctrl-C stops it')
}, 600_000)
afterAll(async () => {
  running?.signal('SIGINT')
  await running?.ended
  await checkout?.close()
})

/** The command it printed that runs this file. */
function offered(file: string): string {
  const line =
    running
      .shown()
      .split('\n')
      .find((it) => it.includes(file)) ?? ''
  return line.trim().replace(/ &$/, '')
}

describe('npm run dev', () => {
  it("offers the SDK's pair, and it works as it is printed", async ({ expect }) => {
    const { exit, out, error } = await checkout.start(offered('weather/agent.ts')).ended

    expect(exit, error).toBe(0)
    expect(out).toMatch(/^200, for 0\.001 USDC: overcast\nclear/)
  })

  it('offers the pair on the official packages, and it works as it is printed', async ({
    expect,
    onTestFinished,
  }) => {
    const provider = checkout.start(offered('official/provider.ts'))
    onTestFinished(async () => {
      provider.signal('SIGTERM')
      await provider.ended
    })
    await provider.printed('selling http')

    const { exit, out, error } = await checkout.start(offered('official/agent.ts')).ended

    expect(exit, error).toBe(0)
    expect(out).toContain('200 {"city":"lima","sky":"overcast"}')
  })
})
