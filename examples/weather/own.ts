import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { paywall } from '../../sdk/provider/index.ts'

/** All that a paywalled route of your own takes: `own.ts <endpointId>`, as it is registered. */
const endpointId = process.argv[2] ?? ''
const { edge, provider } = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
const wall = paywall({ edge, apiKey: provider.apiKey, providerId: provider.id, endpointId })

const tides = wall.express((_, response: ServerResponse, { amount }) => {
  response.end(`high tide at noon, for ${amount} millionths\n`)
})

const { resource } = await (await fetch(`${edge}/v1/x402/endpoints/${endpointId}`)).json()
const { port } = new URL(resource)
createServer((request, response) => void tides(request, response)).listen(Number(port), '127.0.0.1')
