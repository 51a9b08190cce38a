/** What a script learns from how a command ended; 0 is success. */
export const exitCodes = { usage: 2, auth: 3, refused: 4, dependency: 5 } as const

export type FailureKind = keyof typeof exitCodes

/** A foreseen end of a command: one line for a person, an exit code for a script. */
export class CommandFailure extends Error {
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export const usage = (message: string) => new CommandFailure('usage', message)
export const refused = (message: string) => new CommandFailure('refused', message)
export const dependency = (message: string) => new CommandFailure('dependency', message)
