import { type Command, idOption, put } from './command.ts'

export const providerPut: Command = {
  name: 'provider put',
  does: 'Bring a provider in, who is paid; or rename, close or reopen one.',
  example: 'provider put --name "Weather House"',
  options: {
    name: { value: 'NAME', help: 'what people call the provider', required: true },
    status: { value: 'active|closed', help: 'a closed provider is not paid; default active' },
    endpoint: {
      value: 'UUID',
      help: 'an endpoint of theirs whose cached quote to delete, as often as there are some',
      several: true,
    },
    id: idOption,
  },
  async run(session) {
    const { arguments: given } = session
    const name = given.text('name')
    const status = given.choice('status', ['active', 'closed'])
    const endpoints = given.ids('endpoint')
    const id = await session.underId(async (provider_id) => {
      await session.call('put_x402_provider', { provider_id, name, status })
      for (const endpoint of endpoints) await session.forgetQuote(endpoint)
    })
    return put('provider', id)
  },
}
