import { StartError } from './start-error';

class EnvFileError extends StartError {
  readonly code = 'env-file-unreadable';
}

/**
 * Sets the variables in files, as `node --env-file` does: variables that are set already stay, and a later file wins
 * against an earlier one.
 *
 * @throws {EnvFileError} if a file cannot be read.
 */
export function loadEnvFiles(files: readonly string[]): void {
  for (const file of [...files].reverse()) {
    try {
      process.loadEnvFile(file);
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new EnvFileError(`--env-file: ${file} cannot be read (${code})`, { cause: error });
    }
  }
}
