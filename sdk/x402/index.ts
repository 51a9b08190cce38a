export { PaymentError } from '../client/errors.ts'
export { type PayosClient, type PayosClientOptions, payosClient } from './client.ts'
export type * from './core.ts'
export {
  type PaymentOption,
  type PayosFacilitator,
  type PayosProvider,
  type PayosProviderOptions,
  type PayosServerScheme,
  payosProvider,
} from './provider.ts'
