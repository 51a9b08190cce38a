import { agentPut } from './agent.ts'
import type { Command } from './command.ts'
import { endpointPut } from './endpoint.ts'
import { deposit, payout, rollup, totals } from './funds.ts'
import { keyNew, keyRevoke } from './key.ts'
import { ownerPut } from './owner.ts'
import { policySet, policySettlement } from './policy.ts'
import { priceAnnounce } from './price.ts'
import { proofKeysNew, proofKeysRevoke, proofKeysRotate, proofKeysShow } from './proof-keys.ts'
import { providerPut } from './provider.ts'
import { signerAdd, signerNew, signerRevoke } from './signer.ts'
import { tokensMint, tokensShow } from './tokens.ts'
import { walletPut } from './wallet.ts'
import {
  webhookEvents,
  webhookPut,
  webhookRemove,
  webhookReplay,
  webhookRotate,
  webhookShow,
} from './webhook.ts'

/** Every command there is, in the order an operator needs them. */
export const commands: readonly Command[] = [
  ownerPut,
  agentPut,
  walletPut,
  policySet,
  policySettlement,
  deposit,
  keyNew,
  keyRevoke,
  signerNew,
  signerAdd,
  signerRevoke,
  providerPut,
  endpointPut,
  priceAnnounce,
  payout,
  rollup,
  totals,
  webhookPut,
  webhookRotate,
  webhookShow,
  webhookEvents,
  webhookReplay,
  webhookRemove,
  proofKeysNew,
  proofKeysRotate,
  proofKeysRevoke,
  proofKeysShow,
  tokensMint,
  tokensShow,
]
