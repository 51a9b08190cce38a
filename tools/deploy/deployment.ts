import { usage } from '../cli/failure.ts'
import { table } from '../cli/output.ts'
import { mintRoleTokens, roleSignerOf, TOKEN_DAYS } from '../cli/role-tokens.ts'
import { type Fault, faultsOf } from './check.ts'
import { settings, toolSettings, type Values } from './settings.ts'
import { workerName } from './wrangler.ts'

/** A deployment whose configuration has been found complete. */
export type Deployment = {
  worker: string
  issuer: string
  vars: Record<string, string>
  secrets: Record<string, string>
  databaseUrl: string | undefined
  metricsToken: string
}

export type Scope = {
  nowSeconds: number
  /** Settings of the tools themselves that this run needs. */
  needs: readonly (typeof toolSettings)[number]['name'][]
}

/**
 * Reads a deployment from the environment, with fresh role tokens where their signer is given.
 * Everything that is missing or wrong is told at once, by name; no value is ever shown.
 */
export async function readDeployment(env: Values, scope: Scope): Promise<Deployment> {
  const { values, fault } = await withTokens(env, scope.nowSeconds)
  const faults = [...faultsOf(values, scope.nowSeconds), ...missingTools(env, scope)]
  if (fault !== undefined) faults.push({ name: 'SUPABASE_JWT_*', fault, from: '' })
  if (faults.length > 0) throw usage(describe(faults))

  const pick = (kind: 'var' | 'secret') =>
    Object.fromEntries(
      settings
        .filter((it) => it.kind === kind && !(it.optional && values[it.name] === undefined))
        .map(({ name }) => [name, values[name] ?? '']),
    )
  return {
    worker: workerName(values['ENVIRONMENT'] ?? ''),
    issuer: values['ISSUER'] ?? '',
    vars: pick('var'),
    secrets: pick('secret'),
    databaseUrl: env['DATABASE_URL'],
    metricsToken: values['METRICS_TOKEN'] ?? '',
  }
}

/** Tokens are minted anew at each deployment, so that they are never near their end. */
async function withTokens(
  env: Values,
  nowSeconds: number,
): Promise<{ values: Values; fault?: string }> {
  const { SUPABASE_JWT_SECRET: secret, SUPABASE_JWT_JWK: jwk } = env
  if (secret === undefined && jwk === undefined) return { values: env }
  try {
    const life = { nowSeconds, days: TOKEN_DAYS }
    const tokens = await mintRoleTokens(roleSignerOf({ secret, jwk }), life)
    const minted = {
      EDGE_DATABASE_TOKEN: tokens.x402_edge,
      DRAIN_DATABASE_TOKEN: tokens.x402_drain,
    }
    return { values: { ...env, ...minted } }
  } catch (cause) {
    return { values: env, fault: cause instanceof Error ? cause.message : 'cannot sign' }
  }
}

const missingTools = (env: Values, { needs }: Scope): Fault[] =>
  toolSettings
    .filter(({ name }) => needs.includes(name) && !env[name])
    .map(({ name, from }) => ({ name, fault: 'missing', from }))

const describe = (faults: readonly Fault[]): string =>
  [
    `${faults.length} settings are missing or wrong in the environment:`,
    table(faults.map(({ name, fault, from }) => [`  ${name}`, fault, from && `← ${from}`])),
  ].join('\n')
