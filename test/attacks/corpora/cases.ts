import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type SignatureCase = {
  name: string
  x: string
  message: Uint8Array
  signature: string
  isValid: boolean
}

type Group = {
  publicKey?: { pk: string }
  public?: unknown
  private?: { keys?: unknown[] }
  tests: {
    tcId: number
    comment: string
    result: string
    msg?: string
    sig?: string
    jws?: string
  }[]
}

const json = (directory: string, file: string) =>
  JSON.parse(readFileSync(join(directory, file), 'utf8'))

const groups = (directory: string, file: string): Group[] => json(directory, file).testGroups

const base64url = (hex = '') => Buffer.from(hex, 'hex').toString('base64url')

/** `ed25519_test.json` of C2SP/wycheproof (Apache-2.0). */
export const signatureCases = (directory: string): SignatureCase[] =>
  groups(directory, 'ed25519_test.json').flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, comment, msg, sig, result }) => ({
      name: `${tcId} ${comment}`,
      x: base64url(publicKey?.pk),
      message: Uint8Array.from(Buffer.from(msg ?? '', 'hex')),
      signature: base64url(sig),
      isValid: result === 'valid',
    })),
  )

/** The tokens of `json_web_signature_test.json` and `json_web_key_test.json`, from the same place. */
export const tokens = (directory: string): string[] =>
  ['json_web_signature_test.json', 'json_web_key_test.json'].flatMap((file) =>
    groups(directory, file).flatMap(({ tests }) =>
      tests.map(({ jws }) => (typeof jws === 'string' ? jws : JSON.stringify(jws ?? ''))),
    ),
  )

/** Every key of the same two files, public and private. None of them is an Ed25519 key for signing. */
export const keys = (directory: string): unknown[] =>
  ['json_web_signature_test.json', 'json_web_key_test.json'].flatMap((file) =>
    groups(directory, file).flatMap((group) => [
      ...(group.public ? [group.public] : []),
      ...(group.private?.keys ?? (group.private ? [group.private] : [])),
    ]),
  )

export type TextCase = { name: string; bytes: Uint8Array<ArrayBuffer>; expected: 'y' | 'n' | 'i' }

/** `test_parsing` of nst/JSONTestSuite (MIT). */
export const textCases = (directory: string): TextCase[] =>
  readdirSync(join(directory, 'test_parsing'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      name,
      bytes: Uint8Array.from(readFileSync(join(directory, 'test_parsing', name))),
      expected: name.charAt(0) as TextCase['expected'],
    }))

/** `blns.json` of minimaxir/big-list-of-naughty-strings (MIT). */
export const naughtyStrings = (directory: string): string[] => json(directory, 'blns.json')
