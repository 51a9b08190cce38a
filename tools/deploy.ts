import { type Arguments, type Options, parseArguments } from './cli/arguments.ts'
import { usage } from './cli/failure.ts'
import { type Outcome, print, runToEnd, table } from './cli/output.ts'
import { readDeployment } from './deploy/deployment.ts'
import { rollbackNote } from './deploy/migrations.ts'
import { type Done, deployCode, migrate, putSecrets, smokeTest } from './deploy/steps.ts'
import { asTyped, rollbackCall, runWrangler, workerName } from './deploy/wrangler.ts'

const options: Options = {
  'dry-run': { help: 'check, show and bundle; change nothing' },
  yes: { help: 'apply pending migrations without asking' },
  only: { value: 'secrets', help: 'put the secrets in place and nothing else: after a rotation' },
  'skip-migrations': { help: 'leave the database alone' },
  rollback: {
    value: 'code|MIGRATION',
    help: 'code: back to the version before; a migration: show how to take it back',
  },
  version: { value: 'ID', help: 'with --rollback code: which version; left out: the one before' },
  json: { help: 'print one JSON object' },
  help: { help: 'print this' },
}

const HELP = `npm run deploy -- [options]

Checks the configuration in the environment, applies pending migrations, mints the edge's database
tokens, puts the secrets in place, deploys the Worker and looks at it.

Example:
  npm run deploy -- --dry-run     tells everything that is missing, and what it would do

docs/runbook.md says where each setting comes from.

${table(
  Object.entries(options).map(([name, { value, help }]) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    help,
  ]),
)}`

const words = process.argv.slice(2)

await runToEnd(words.includes('--json'), async () => {
  const given = parseArguments(words, options)
  const [extra] = given.positionals
  if (extra !== undefined) throw usage(`npm run deploy takes no "${extra}"; see --help`)
  if (given.flag('help')) return print({ text: HELP, data: {} }, false)
  const wanted = given.optional('rollback')
  const outcome = wanted === undefined ? await deploy(given) : await rollBack(given, wanted)
  print(outcome, given.flag('json'))
})

async function deploy(given: Arguments): Promise<Outcome> {
  const only = given.optional('only')
  if (only !== undefined && only !== 'secrets') throw usage('--only is secrets')
  const mode = { dryRun: given.flag('dry-run'), yes: given.flag('yes') }
  const migrates = only === undefined && !given.flag('skip-migrations')
  const deployment = await readDeployment(process.env, {
    nowSeconds: Math.floor(Date.now() / 1000),
    needs: [
      ...(migrates ? (['DATABASE_URL'] as const) : []),
      ...(mode.dryRun ? [] : (['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID'] as const)),
    ],
  })
  const steps: Done[] = []
  if (migrates) steps.push(await migrate(deployment, mode))
  steps.push(await putSecrets(deployment, mode))
  if (only === undefined) steps.push(await deployCode(deployment, mode))
  steps.push(await smokeTest(deployment, process.env, mode))
  const text = mode.dryRun ? 'Nothing was changed.' : `${deployment.issuer} is deployed.`
  return { text, data: { worker: deployment.worker, dryRun: mode.dryRun, steps } }
}

async function rollBack(given: Arguments, wanted: string): Promise<Outcome> {
  if (wanted !== 'code') {
    const note = await rollbackNote(wanted)
    return { text: note, data: { note } }
  }
  const environment = process.env['ENVIRONMENT']
  if (environment !== 'test' && environment !== 'live') throw usage('ENVIRONMENT is test or live')
  const call = rollbackCall(workerName(environment), given.optional('version'))
  if (given.flag('dry-run')) {
    return { text: `would run ${asTyped(call)}`, data: { dryRun: true, command: asTyped(call) } }
  }
  await runWrangler(call)
  const text = [
    `${workerName(environment)} runs the version before, with that version's secrets.`,
    'If they changed since: npm run deploy -- --only secrets',
  ].join('\n')
  return { text, data: { worker: workerName(environment) } }
}
