/** `npm run dev`. The rest is loaded only where it can run. */
const [major = 0] = process.versions.node.split('.').map(Number)

if (major < 24) {
  const found = `this is ${process.version}`
  console.error(`PayOS runs on Node 24, and ${found}. Run "npm ci && npm run dev": that brings it.`)
  process.exit(1)
}
const { run } = await import('./dev/run.ts')
await run()

export {}
