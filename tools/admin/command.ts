import type { Arguments, Option, Options } from '../cli/arguments.ts'
import { type Caches, connectCaches, EndedLeases } from '../cli/caches.ts'
import { CommandFailure } from '../cli/failure.ts'
import { connectOperator, type Operator } from '../cli/operator.ts'
import type { Outcome } from '../cli/output.ts'
import { readTarget, type Target } from '../cli/target.ts'

/** One command of `npm run admin`. */
export type Command = {
  /** Noun and verb, as they are typed. */
  name: string
  does: string
  /** What help teaches with: a command line that runs, after `npm run admin -- `. */
  example: string
  /** What stands after the name without an option of its own. */
  positional?: string
  options: Options
  /** Whether a lease may end by it: what Redis has of it is deleted then. */
  endsLeases?: true
  run: (session: Session) => Promise<Outcome>
}

/** What a command works with. Nothing is connected before it is asked for. */
export class Session {
  readonly arguments: Arguments
  readonly nowSeconds = Math.floor(Date.now() / 1000)
  #target: Target | undefined
  #operator: Operator | undefined
  #caches: Caches | undefined

  constructor(args: Arguments) {
    this.arguments = args
  }

  async target(): Promise<Target> {
    this.#target ??= await readTarget()
    return this.#target
  }

  /** Calls one of the operator's functions in the ledger. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<unknown> {
    this.#operator ??= connectOperator((await this.target()).supabase)
    return this.#operator(name, args)
  }

  async forgetQuote(endpointId: string): Promise<void> {
    await (await this.#connected()).forgetQuote(endpointId)
  }

  /** Has every region forget the leases that were ended lately, by this command or another. */
  async forgetLeases(): Promise<void> {
    const ended = EndedLeases.parse(await this.call('get_x402_ended_leases'))
    await (await this.#connected()).forgetLeases(ended)
  }

  async #connected(): Promise<Caches> {
    this.#caches ??= connectCaches(await this.target())
    return this.#caches
  }

  /**
   * Runs `work` under the id the caller gave, or a new one.
   * When it is not certain what came of it, the failure says how to repeat it safely.
   */
  async underId(work: (id: string) => Promise<void>): Promise<string> {
    const given = this.arguments.optional('id')
    const id = given === undefined ? crypto.randomUUID() : this.arguments.id('id')
    try {
      await work(id)
    } catch (cause) {
      if (!(cause instanceof CommandFailure) || cause.kind !== 'dependency') throw cause
      throw new CommandFailure('dependency', `${cause.message}; repeat it with --id ${id}`)
    }
    return id
  }
}

/** The `--id` of everything that is named by one. */
export const idOption: Option = {
  value: 'UUID',
  help: 'the id it has or gets; new when left out. A repeat with it changes nothing',
}

export const currencyOption: Option = {
  value: 'USDC|EURC',
  help: 'the currency amounts are in',
  required: true,
}

/** What a command that puts something says: which thing, and how to say the same again. */
export const put = (noun: string, id: string, facts: Record<string, unknown> = {}): Outcome => ({
  text: `${noun} ${id}\nIt is in the ledger; the same command with --id ${id} changes nothing.`,
  data: { [noun]: id, ...facts },
})
