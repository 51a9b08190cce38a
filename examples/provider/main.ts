import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createProvider } from './provider.ts'

/** Serves one endpoint at the URL it is registered with: `main.ts <endpointId>`. */
const endpointId = process.argv[2] ?? ''
const { edge } = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
const { providerId, resource } = await (
  await fetch(`${edge}/v1/x402/endpoints/${endpointId}`)
).json()
const { origin, port, pathname } = new URL(resource)

const handle = createProvider({ edge, origin, providerId, routes: { [pathname]: endpointId } })
createServer(handle).listen(Number(port), '127.0.0.1', () => console.log(`selling ${resource}`))
