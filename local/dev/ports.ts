import { createServer, type Server } from 'node:net'

/** Where each part listens, so that addresses stay the same from run to run. */
const usual = { gateway: 54321, redis: 8079, qstash: 8080, edge: 8787, provider: 8402 }

export type Ports = Record<keyof typeof usual, number>

const HOST = '127.0.0.1'

/**
 * Where a port is claimed until its part listens: an address nobody is sent to, so that another
 * start at the same moment sees it. macOS has one loopback address of each kind only.
 */
const CLAIM_HOST = process.platform === 'darwin' ? '::1' : '127.0.0.2'

type Claim = { port: number; release: () => Promise<void> }

/**
 * Chooses a port for each part: the usual one, or a free one where that is taken, and `tell` hears
 * of it. No other start on this machine chooses the same until `release` is called.
 */
export async function claimPorts(
  tell: (line: string) => void,
): Promise<{ ports: Ports; release: () => Promise<void> }> {
  const claims: Claim[] = []
  const ports = { ...usual }
  for (const name of Object.keys(usual) as (keyof Ports)[]) {
    const claimed = (await claim(usual[name])) ?? (await claimAny())
    claims.push(claimed)
    ports[name] = claimed.port
    if (claimed.port !== usual[name]) {
      tell(`Port ${usual[name]} is taken: the ${name} listens on ${claimed.port}.`)
    }
  }
  const release = async () => void (await Promise.all(claims.map((it) => it.release())))
  return { ports, release }
}

async function claimAny(): Promise<Claim> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const claimed = await claim(0)
    if (claimed) return claimed
  }
  throw new Error(`no port is free on ${HOST}`)
}

/** Claims the port unless somebody has claimed it or listens there; 0 stands for any. */
async function claim(wanted: number): Promise<Claim | undefined> {
  // Claimed before it is tried: a try must not get in the way of the part it is claimed for.
  const mark = await listen(wanted, CLAIM_HOST)
  if (mark === 'EADDRINUSE') return undefined
  const release = async () => (typeof mark === 'string' ? undefined : close(mark))
  // Without such an address nothing can be claimed, and the port is as good as it looks.
  const probe = await listen(typeof mark === 'string' ? wanted : portOf(mark), HOST)
  if (typeof probe !== 'string') {
    const port = portOf(probe)
    await close(probe)
    return { port, release }
  }
  await release()
  return undefined
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function listen(port: number, host: string): Promise<Server | string> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve) => {
    server.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? 'unknown'))
    server.listen(port, host, () => resolve(server))
  })
}

const close = (server: Server) => new Promise<void>((closed) => server.close(() => closed()))
