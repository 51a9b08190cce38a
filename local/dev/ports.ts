import { createServer, type Server } from 'node:net'

/** Where each part listens, so that addresses stay the same from run to run. */
const ports = { gateway: 54321, redis: 8079, qstash: 8080, edge: 8787, provider: 8402 }

export type Ports = Record<keyof typeof ports, number>

/** The usual ports; `tell` hears of each that is taken and which free one stands in for it. */
export async function choosePorts(tell: (line: string) => void): Promise<Ports> {
  const held: Server[] = []
  const chosen = { ...ports }
  for (const name of Object.keys(ports) as (keyof Ports)[]) {
    const server = (await hold(ports[name])) ?? (await hold(0))
    if (!server) throw new Error('no port is free on 127.0.0.1')
    held.push(server)
    chosen[name] = portOf(server)
    if (chosen[name] !== ports[name]) {
      tell(`Port ${ports[name]} is taken: the ${name} listens on ${chosen[name]}.`)
    }
  }
  // Held until all are chosen, so that no two parts are given the same.
  await Promise.all(held.map((server) => new Promise((closed) => server.close(closed))))
  return chosen
}

function hold(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
