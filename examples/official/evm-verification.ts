import { ExactEvmScheme as Client } from '@x402/evm/exact/client'
import { ExactEvmScheme as Facilitator } from '@x402/evm/exact/facilitator'
import { verifyTypedData } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const requirements = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '1000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x1111111111111111111111111111111111111111',
  maxTimeoutSeconds: 300,
  extra: { name: 'USDC', version: '2' },
} as const

const unused = () => Promise.reject(new Error('the chain is not asked for this'))

/**
 * Verifies one `exact` payment as the official facilitator does, the chain answering at once:
 * what is left is its own work, an ECDSA recovery over typed data.
 */
export async function evmVerification(): Promise<() => Promise<boolean>> {
  const payer = privateKeyToAccount(generatePrivateKey())
  const { payload } = await new Client(payer).createPaymentPayload(2, requirements)
  const chain = {
    getAddresses: () => [payer.address],
    getCode: async ({ address }: { address: string }) =>
      address === requirements.asset ? ('0x60' as const) : ('0x' as const),
    readContract: async () => 1_000_000n,
    verifyTypedData: (typed: Parameters<typeof verifyTypedData>[0]) => verifyTypedData(typed),
    writeContract: unused,
    sendTransaction: unused,
    waitForTransactionReceipt: unused,
  }
  const facilitator = new Facilitator(chain as never)
  const paid = { x402Version: 2, accepted: requirements, payload }
  return async () => {
    const answer = await facilitator.verify(paid as never, requirements)
    if (!answer.isValid)
      throw new Error(`refused: ${answer.invalidReason} ${answer.invalidMessage}`)
    return true
  }
}
