import { createServer } from 'node:net'
import { describe, it } from 'vitest'
import { claimPorts } from './ports.ts'

describe('the ports of a start', () => {
  it('are no other start’s, however many begin at once', async ({ expect, onTestFinished }) => {
    const claimed = await Promise.all([1, 2, 3].map(() => claimPorts(() => {})))
    onTestFinished(async () => void (await Promise.all(claimed.map(({ release }) => release()))))

    const all = claimed.flatMap(({ ports }) => Object.values(ports))
    expect(new Set(all).size).toBe(15)
  })

  it('are free to listen on before they are released', async ({ expect, onTestFinished }) => {
    const { ports, release } = await claimPorts(() => {})
    onTestFinished(release)
    const server = createServer()

    await new Promise((listening, failed) => {
      server.once('error', failed)
      server.listen(ports.edge, '127.0.0.1', () => server.close(listening))
    })

    expect(server.listening).toBe(false)
  })

  it('are named when they are not the usual ones', async ({ expect, onTestFinished }) => {
    const first = await claimPorts(() => {})
    const lines: string[] = []
    const second = await claimPorts((line) => lines.push(line))
    onTestFinished(async () => void (await Promise.all([first.release(), second.release()])))

    expect(lines).toContain(`Port 8787 is taken: the edge listens on ${second.ports.edge}.`)
    expect(lines).toHaveLength(5)
  })
})
