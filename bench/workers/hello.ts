/** The least a Worker can do: what it costs, every Worker costs. */
// biome-ignore lint/style/noDefaultExport: a Worker is the default export of its module
export default {
  fetch: () =>
    new Response('{"hello":"world"}', { headers: { 'content-type': 'application/json' } }),
}
