/** A promise, as the record says it that its script wrote. */
export type Reserved = {
  record: string
  paymentId: string
  walletId: string
  requestId: string
  endpointId: string
  providerId: string
  amount: bigint
  currency: string
  priceVersion: number
  method: string
  resource: string
  leaseId: string
  seq: number
  expiresAt: number
  keyHash: string
  thumbprint: string
  region: string
  at: number
}

/** Reads a record: lines, of which the first is its version. */
export function readRecord(record: string, where: { region: string; at: number }): Reserved {
  const lines = record.split('\n')
  const line = (at: number) => lines[at] ?? ''
  return {
    ...{ record, ...where, paymentId: line(1), walletId: line(2), requestId: line(4) },
    ...{ endpointId: line(5), providerId: line(6), amount: BigInt(line(7)), currency: line(8) },
    ...{ priceVersion: Number(line(9)), method: line(10), resource: line(11), leaseId: line(12) },
    ...{ seq: Number(line(14)), expiresAt: Number(line(16)) },
    ...{ keyHash: line(17), thumbprint: line(18) },
  }
}
