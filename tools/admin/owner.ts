import { type Command, idOption, put } from './command.ts'

export const ownerPut: Command = {
  name: 'owner put',
  does: 'Bring an owner in, who funds agents and sets their policies, or rename one.',
  example: 'owner put --name Ada',
  options: {
    name: { value: 'NAME', help: 'what people call the owner', required: true },
    id: idOption,
  },
  async run(session) {
    const name = session.arguments.text('name')
    const id = await session.underId(async (owner_id) => {
      await session.call('put_x402_owner', { owner_id, name })
    })
    return put('owner', id)
  },
}
