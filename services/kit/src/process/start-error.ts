/** A process or command cannot continue. The message tells the person who started it how to fix that. */
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
