import { splitCompactJws } from '../../../shared/domain/compact-jws.ts'
import { readJson } from '../../../shared/domain/json.ts'
import { PublicJwk, verifyPaySignature } from '../../../shared/domain/pay-signature.ts'
import { keys, signatureCases, textCases, tokens } from './cases.ts'

/** What came of one corpus: how many cases there were, and which were judged wrongly. */
export type Tally = {
  corpus: string
  cases: number
  wrongAccepts: string[]
  /** Absent where nothing of the corpus ought to be accepted. */
  wrongRefusals?: string[]
  /** Cases that say nothing about this code, and why. */
  leftOut: string
}

/** Judges every case by the functions the edge uses. */
export const judgeInDomain = async (directory: string): Promise<Tally[]> => [
  await signatures(directory),
  tokenForms(directory),
  keyForms(directory),
  texts(directory),
]

/** A payment is signed over text, so a message that is no UTF-8 can never be one. */
async function signatures(directory: string): Promise<Tally> {
  const all = signatureCases(directory)
  const asText = (message: Uint8Array) =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(message)
  const readable = all.filter(({ message }) => Buffer.from(asText(message)).equals(message))
  const judged = await Promise.all(
    readable.map(async ({ name, x, message, signature, isValid }) => {
      const key = { kty: 'OKP', crv: 'Ed25519', x } as const
      return { name, isValid, taken: await verifyPaySignature(asText(message), key, signature) }
    }),
  )
  return {
    corpus: 'Wycheproof Ed25519',
    cases: judged.length,
    wrongAccepts: judged.filter(({ taken, isValid }) => taken && !isValid).map(({ name }) => name),
    wrongRefusals: judged.filter(({ taken, isValid }) => !taken && isValid).map(({ name }) => name),
    leftOut: `${all.length - readable.length} whose message is no UTF-8`,
  }
}

/** No token of theirs is a proof: none has our type, and none our one algorithm. */
function tokenForms(directory: string): Tally {
  const all = tokens(directory)
  const taken = all.filter((token) => splitCompactJws(token).ok)
  return {
    corpus: 'Wycheproof JWS and JWK, as proofs',
    cases: all.length,
    wrongAccepts: taken,
    leftOut: 'none',
  }
}

function keyForms(directory: string): Tally {
  const all = keys(directory)
  const taken = all.filter((key) => PublicJwk.safeParse(key).success)
  return {
    corpus: 'Wycheproof JWS and JWK, as keys of agents',
    cases: all.length,
    wrongAccepts: taken.map((key) => JSON.stringify(key)),
    leftOut: 'none',
  }
}

/** What we refuse on purpose though it is JSON: it has two meanings, or nests deeper than we read. */
const stricter = ['duplicate', 'depth']

function texts(directory: string): Tally {
  const all = textCases(directory)
  const judged = all.map((it) => ({ ...it, read: readJson(it.bytes) }))
  const narrow = judged.filter(({ read }) => !read.ok && stricter.includes(read.reason))
  return {
    corpus: 'JSONTestSuite',
    cases: all.length,
    wrongAccepts: judged
      .filter(({ expected, read }) => expected === 'n' && read.ok)
      .map(({ name }) => name),
    wrongRefusals: judged
      .filter((it) => it.expected === 'y' && !it.read.ok && !narrow.includes(it))
      .map(({ name }) => name),
    leftOut: `none; ${narrow.filter(({ expected }) => expected === 'y').length} refused on purpose`,
  }
}
