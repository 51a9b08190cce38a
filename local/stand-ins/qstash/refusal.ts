/** A request QStash would not take, with the status it answers. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Something the hosted QStash does and this stand-in does not: refused, never half done. */
export const notDone = (what: string) => new Refusal(501, `the QStash stand-in does not do ${what}`)
