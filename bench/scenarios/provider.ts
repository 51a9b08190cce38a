import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { compactVerify, SignJWT } from 'jose'
import { proofChecker } from '../../examples/provider/proof.ts'
import { memoryClaims, payosKeys, verifyProof } from '../../sdk/provider/index.ts'
import { alternate } from '../measure/alternate.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { newOrder } from '../world/order.ts'
import { PRICE, type Provider, RESOURCE } from '../world/population.ts'

/** What a provider pays to check a proof by itself, beside the signature alone and other checks. */
export const provider: Scenario = {
  name: 'provider',
  title: "A provider's own check of a proof",
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 1, wallets: 1, providers: 1 },
    })
    const [party] = edge.parties.providers
    if (!party) throw new Error('nobody to pay')
    const each = bench.pick(40, 300)
    const rounds = bench.pick(2, 6)
    const proofs = await paidProofs(edge, { count: each * (rounds + 1), bench })
    const verify = await signatureCheck(edge, proofs[0] ?? '')
    const shared = await sharedSecretCheck()
    const [byExample, bySdk] = [exampleCheck(edge, party), sdkCheck(edge, party)]
    const [once, again] = [[...proofs], [...proofs]]
    const timed = (run: () => Promise<boolean>) => async () => {
      const started = performance.now()
      for (let left = each; left > 0; left -= 1) {
        if (!(await run())) throw new Error('a good proof was refused')
      }
      return ((performance.now() - started) / each) * 1000
    }
    const byEvm = await evmCheck()
    const contenders = {
      sdk: timed(() => bySdk(once.pop() ?? '')),
      example: timed(() => byExample(again.pop() ?? '')),
      raw: timed(verify),
      hs256: timed(shared),
    }
    const samples: Samples = byEvm
      ? await alternate({ ...contenders, evm: timed(byEvm) }, { rounds })
      : await alternate(contenders, { rounds })
    return figuresOf(samples, each)
  },
}

/** Proofs of real payments, since each opens one request only. */
async function paidProofs(edge: Edge, { count, bench }: { count: number; bench: Bench }) {
  const [[wallet], [party]] = [edge.parties.wallets, edge.parties.providers]
  if (!wallet || !party) throw new Error('nobody there')
  const proofs: string[] = []
  for (let at = 0; at < count; at += 1) {
    bench.progress(at, count, 'paying')
    proofs.push((await edge.pay(newOrder(wallet, party))).proof)
  }
  return proofs
}

/** The SDK's verification, and the first use remembered in this process. */
function sdkCheck(edge: Edge, { id, endpointId }: Provider) {
  const claims = memoryClaims()
  const expected = {
    keys: payosKeys({ edge: edge.payos.issuer }),
    issuer: edge.payos.issuer,
    environment: 'test' as const,
    providerId: id,
    endpointId,
    currency: PRICE.currency,
    price: BigInt(PRICE.units),
    method: 'GET',
    url: RESOURCE,
  }
  return async (token: string) => {
    const verdict = await verifyProof(token, expected)
    if (!verdict.ok) return false
    const { paymentId, redeemableUntil: until } = verdict.proof
    const use = { paymentId, attemptId: 'one', until, proof: token, endpointId }
    return (await claims.claim({ ...use, method: 'GET', url: RESOURCE })) === undefined
  }
}

function exampleCheck(edge: Edge, { id, endpointId }: Provider) {
  const check = proofChecker(edge.payos.issuer)
  const expected = {
    issuer: edge.payos.issuer,
    providerId: id,
    endpointId,
    network: 'payos:test',
    asset: PRICE.currency,
    priceOf: () => BigInt(PRICE.units),
    method: 'GET',
    url: new URL(RESOURCE),
  }
  return async (proof: string) => (await check(proof, expected)).ok
}

/** The floor: the signature of one proof, over an imported key, and nothing else. */
async function signatureCheck(edge: Edge, proof: string) {
  const answer = await edge.http.send(`${edge.urls[0]}/.well-known/jwks.json`)
  const [jwk] = JSON.parse(answer.text).keys
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify'])
  const [head, claims, signature] = proof.split('.')
  const text = Buffer.from(`${head}.${claims}`)
  const bytes = Buffer.from(signature ?? '', 'base64url')
  return () => crypto.subtle.verify('Ed25519', key, bytes, text)
}

/** What a secret shared with every provider would cost; any of them could then make proofs. */
async function sharedSecretCheck() {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const token = await new SignJWT({ filler: 'x'.repeat(350) })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(secret)
  return () => compactVerify(token, secret).then(() => true)
}

/** How the official packages come to be there; they are no dependency of this project. */
const INSTALL = 'npm ci --prefix examples/official'

/** The official check of a payment on a chain, where the official packages were installed. */
async function evmCheck(): Promise<(() => Promise<boolean>) | undefined> {
  const folder = join(import.meta.dirname, '../../examples/official')
  if (!existsSync(join(folder, 'node_modules'))) return undefined
  const module: { evmVerification(): Promise<() => Promise<boolean>> } = await import(
    join(folder, 'evm-verification.ts')
  )
  return module.evmVerification()
}

const titles = {
  sdk: "The SDK's check: key, signature, claims, resource, first use",
  example: "The example provider's check, through jose",
  raw: '`crypto.subtle.verify` on an imported key',
  hs256: 'HS256 by a shared secret, through jose',
  evm: '`@x402/evm` 2.27, `exact`: typed data, with a chain that answers at once',
} as const
type Name = keyof typeof titles
type Samples = Record<Exclude<Name, 'evm'>, number[]> & { evm?: number[] }

function figuresOf(samples: Samples, each: number): Figure[] {
  const n = each * samples.raw.length
  const about = {
    unit: 'µs' as const,
    method: `Node ${process.versions.node}, ${each} in a row, all in turn`,
    asserted: 'every proof was good, each of its own payment',
  }
  const times = samples.sdk.map((value, round) => value / (samples.raw[round] ?? Number.NaN))
  return [
    ...(Object.keys(titles) as Name[]).flatMap((name) => {
      const taken = samples[name]
      if (!taken) return []
      const ratio = { to: 'provider/raw', value: ratioOf(taken, samples.raw) }
      const figure = { ...about, name: `provider/${name}`, title: titles[name], ratio }
      return [ofRounds(figure, taken, n)]
    }),
    ofRounds(
      {
        ...about,
        name: 'provider/ratio',
        title: "The SDK's whole check, times the raw verification",
        method: samples.evm ? about.method : `${about.method}; for @x402/evm beside it: ${INSTALL}`,
        unit: '×',
        budget: { atMost: 1.5 },
      },
      times,
      n,
    ),
  ]
}
