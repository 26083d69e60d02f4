/** A process or command cannot go on, for a reason that the person who started it can fix. The message is for them. */
export abstract class StartError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The arguments of a command are wrong. `runCommand` adds the usage. */
export class UsageError extends StartError {
  readonly code = 'usage';
}
