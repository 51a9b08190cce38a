import { type Command, currencyOption, idOption, put } from './command.ts'

export const walletPut: Command = {
  name: 'wallet put',
  does: 'Give an agent a wallet of one currency; or freeze or thaw one. To pay it needs a policy.',
  example: 'wallet put --agent 20000000-0000-4000-8000-000000000001 --currency USDC',
  options: {
    agent: { value: 'UUID', help: 'whose it is, for good', required: true },
    currency: currencyOption,
    status: { value: 'active|frozen', help: 'a frozen wallet pays nothing; default active' },
    id: idOption,
  },
  endsLeases: true,
  async run(session) {
    const { arguments: given } = session
    const wallet = {
      agent_id: given.id('agent'),
      currency: given.currency(),
      status: given.choice('status', ['active', 'frozen']),
    }
    const id = await session.underId(async (wallet_id) => {
      await session.call('put_x402_wallet', { wallet_id, ...wallet })
    })
    return put('wallet', id)
  },
}
