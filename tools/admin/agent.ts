import { type Command, idOption, put } from './command.ts'

export const agentPut: Command = {
  name: 'agent put',
  does: 'Bring an agent in, a program that pays; or rename, suspend or reactivate one.',
  example: 'agent put --owner 10000000-0000-4000-8000-000000000001 --name "Weather watcher"',
  options: {
    owner: { value: 'UUID', help: 'whose it is, for good', required: true },
    name: { value: 'NAME', help: 'what people call the agent', required: true },
    status: { value: 'active|suspended', help: 'a suspended agent pays nothing; default active' },
    id: idOption,
  },
  endsLeases: true,
  async run(session) {
    const { arguments: given } = session
    const agent = {
      owner_id: given.id('owner'),
      name: given.text('name'),
      status: given.choice('status', ['active', 'suspended']),
    }
    const id = await session.underId(async (agent_id) => {
      await session.call('put_x402_agent', { agent_id, ...agent })
    })
    return put('agent', id)
  },
}
