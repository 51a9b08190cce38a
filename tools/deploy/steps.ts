import { createInterface } from 'node:readline/promises'
import { applyMigrations } from '../../local/database.ts'
import { dependency, refused } from '../cli/failure.ts'
import { say, tick } from '../cli/output.ts'
import { payerIn } from '../smoke/read-site.ts'
import { hasFailed, runSmoke, smokeTable } from '../smoke/run.ts'
import type { Deployment } from './deployment.ts'
import { type Described, describePending } from './migrations.ts'
import type { Values } from './settings.ts'
import { asTyped, deployCall, runWrangler, secretsCall } from './wrangler.ts'

/** What a run may do: everything, or nothing but look; ask first, or not. */
export type Mode = { dryRun: boolean; yes: boolean }

/** What one step did or, in a dry run, would do; a line for a person and a fact for a script. */
export type Done = { step: string; detail: string }

/** Shows the migrations that are pending, asks, and applies them. */
export async function migrate({ databaseUrl = '' }: Deployment, mode: Mode): Promise<Done> {
  const pending = await describePending(databaseUrl)
  if (pending.length === 0) return done('migrations', 'none pending')
  say(pending.map(tell).join('\n\n'))
  const names = pending.map(({ version, name }) => `${version}_${name}`).join(', ')
  if (mode.dryRun) return done('migrations', `would apply ${names}`)

  if (!mode.yes) await askFor(`Apply ${pending.length} migrations?`)
  const steps = await applyMigrations(databaseUrl)
  return done('migrations', `applied ${steps.length}`)
}

const tell = ({ version, name, header }: Described) =>
  [`${version}_${name}`, ...header.split('\n').map((line) => `  ${line}`)].join('\n').trimEnd()

async function askFor(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw refused(`${question} Nobody can be asked here: add --yes`)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(`${question} [y/N] `)
  lines.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw refused('nothing was changed')
}

/** Puts every secret in place, in one call. */
export async function putSecrets(deployment: Deployment, mode: Mode): Promise<Done> {
  const call = secretsCall(deployment.worker, deployment.secrets)
  const names = Object.keys(deployment.secrets).join(', ')
  if (mode.dryRun) return done('secrets', `would run ${asTyped(call)}: ${names}`)
  await runWrangler(call)
  return done('secrets', `put in place: ${names}`)
}

/** Bundles the Worker and, unless it is a dry run, puts it where its issuer points. */
export async function deployCode(deployment: Deployment, mode: Mode): Promise<Done> {
  const { worker, vars, issuer } = deployment
  const domain = new URL(issuer).hostname
  const call = deployCall(worker, { vars, domain, bundleOnly: mode.dryRun })
  const printed = await runWrangler(call)
  const [size = 'size unknown'] = /Total Upload: .*/.exec(printed) ?? []
  const real = deployCall(worker, { vars, domain, bundleOnly: false })
  return mode.dryRun
    ? done('code', `bundled, ${size}; would run ${asTyped(real)}`)
    : done('code', `${worker} deployed, ${size}`)
}

/** Looks at what was deployed, with the test agent when one is given. */
export async function smokeTest(deployment: Deployment, env: Values, mode: Mode): Promise<Done> {
  const { issuer, metricsToken } = deployment
  if (mode.dryRun) return done('smoke', `would look at ${issuer}`)
  const site = { url: issuer, issuer, metricsToken, payer: payerIn(env) }
  const checks = await runSmoke(site)
  say(smokeTable(checks))
  if (hasFailed(checks)) {
    throw dependency('the smoke test failed; to go back: npm run deploy -- --rollback code')
  }
  return done('smoke', `${checks.length} checks`)
}

function done(step: string, detail: string): Done {
  say(`${tick()} ${step}: ${detail}`)
  return { step, detail }
}
