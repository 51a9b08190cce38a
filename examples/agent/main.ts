import { readFile } from 'node:fs/promises'
import { paidFetch } from './agent.ts'

/** Pays for one URL with the agent that `npm run dev` has made, and prints what it got. */
const dev = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
const payer = { edge: dev.edge, ...dev.agent, most: 10_000_000n }

const served = await paidFetch(process.argv[2] ?? dev.echo, payer, ({ name, detail, ms }) =>
  console.log(`${name.padEnd(4)} ${ms.toFixed(1).padStart(6)} ms  ${detail}`),
)
console.log(await served.text())
