/** A sample's middle and edges, in the unit of the sample. */
export type Quantiles = {
  p5: number
  p25: number
  p50: number
  p75: number
  p95: number
  p99: number
}

/** The value below which the share `at` of the samples lies, interpolated between neighbours. */
function quantile(samples: readonly number[], at: number): number {
  const sorted = Float64Array.from(samples).sort()
  if (sorted.length === 0) throw new RangeError('no samples')
  const place = at * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0]
  return below + (above - below) * (place - Math.floor(place))
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

export function quantiles(samples: readonly number[]): Quantiles {
  const at = (share: number) => quantile(samples, share)
  return { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95), p99: at(0.99) }
}
