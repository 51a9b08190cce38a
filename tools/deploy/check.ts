import { LeaseRegions, readConfig } from '../../functions/config.ts'
import { seeded } from '../../local/seeded.ts'
import { PUBLIC_VALUES } from '../../local/stand-ins/qstash/signature.ts'
import { ProofKeys, signingKey } from '../../shared/domain/proof-keys.ts'
import { jsonIn } from '../cli/json.ts'
import { roles, tokenLife, tokenNames } from '../cli/role-tokens.ts'
import { type Setting, settings, type Values } from './settings.ts'

/** What is wrong with one setting; never its value. */
export type Fault = { name: string; fault: string; from: string }

const binding = { limit: async () => ({ success: true }) }

/** Every text the public knows, because this project or a vendor's documentation shows it. */
const publicTexts = [...textsIn(seeded), ...textsIn(PUBLIC_VALUES)].filter(
  (text) => text.length >= 32,
)

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

/** Everything that is wrong with a configuration, all at once, by the name of the setting. */
export function faultsOf(values: Values, nowSeconds: number): Fault[] {
  const named = new Map<string, string>()
  const note = (name: string, fault: string) => {
    if (!named.has(name)) named.set(name, fault)
  }
  for (const { name, optional } of settings) if (!values[name] && !optional) note(name, 'missing')
  for (const [name, fault] of workerFaults(values)) note(name, fault)
  for (const [name, fault] of tokenFaults(values, nowSeconds)) note(name, fault)
  if (!named.has('PROOF_KEYS') && !signsNow(values, nowSeconds)) {
    note('PROOF_KEYS', 'no key of the set signs now')
  }
  if (values['ENVIRONMENT'] === 'live') {
    for (const [name, fault] of liveFaults(values)) note(name, fault)
  }
  return [...named].map(([name, fault]) => ({ name, fault, from: sourceOf(name) }))
}

const sourceOf = (name: string) => settings.find((setting) => setting.name === name)?.from ?? ''

type Named = [name: string, fault: string]

/** What the Worker itself would refuse to start with. */
function workerFaults(values: Values): Named[] {
  try {
    readConfig({ ...values, UNKNOWN_KEYS: binding, PER_KEY: binding })
    return []
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const [, list = message] = message.split('not configured: ')
    return list.split('; ').map((line): Named => {
      const [, path = line, fault = line] = /^([^:]+): (.*)$/.exec(line) ?? []
      return [path.split('.')[0] ?? path, fault]
    })
  }
}

function tokenFaults(values: Values, nowSeconds: number): Named[] {
  return roles.flatMap((role): Named[] => {
    const name = tokenNames[role]
    const token = values[name]
    if (token === undefined || role === 'x402_operator') return []
    const life = tokenLife(token, nowSeconds)
    if (life?.role !== role) return [[name, `is no token of ${role}`]]
    return life.expiresAt <= nowSeconds ? [[name, 'has expired']] : []
  })
}

function signsNow(values: Values, nowSeconds: number): boolean {
  const keys = ProofKeys.safeParse(jsonIn(values['PROOF_KEYS'] ?? ''))
  return keys.success && signingKey(keys.data, nowSeconds) !== undefined
}

/** What may stand in a test environment and never where money is. */
function liveFaults(values: Values): Named[] {
  return settings.flatMap(({ name }: Setting): Named[] => {
    const value = values[name] ?? ''
    if (publicTexts.some((text) => value.includes(text))) return [[name, 'is a public test value']]
    return addressesIn(value).every(isLive)
      ? []
      : [[name, 'is not an https address of a live host']]
  })
}

/** A value that is an address, or those of the regions it lists. */
function addressesIn(value: string): string[] {
  const regions = LeaseRegions.safeParse(jsonIn(value))
  if (regions.success) return regions.data.map(({ url }) => url)
  return URL.canParse(value) ? [value] : []
}

function isLive(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' && !/^(localhost|127\..*|\[::1\])$/.test(hostname)
}
