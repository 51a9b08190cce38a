export {
  type HostileMode,
  type HostileOptions,
  hostileModes,
  hostileProvider,
} from './hostile.ts'
export {
  type FacilitatorMode,
  facilitatorModes,
  hostileFacilitator,
} from './hostile-facilitator.ts'
export { makeProofKey, type ProofKey, signProof } from './mint.ts'
export { paymentRequired } from './payment-required.ts'
export { type TestPayment, type TestPayos, type TestPayosOptions, testPayos } from './payos.ts'
