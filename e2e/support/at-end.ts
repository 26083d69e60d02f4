const ofTest: (() => unknown)[] = [];
const ofFile: (() => unknown)[] = [];
let opened = ofTest;

/** Registers a cleanup for the end of the test. Cleanups run in reverse order. */
export function atEnd(close: () => unknown): void {
  opened.push(close);
}

/** Opens what several tests use, in `beforeAll`: cleanups that `open` registers run after the last test of the file. */
export async function forWholeFile<T>(open: () => Promise<T>): Promise<T> {
  opened = ofFile;
  try {
    return await open();
  } finally {
    opened = ofTest;
  }
}

async function closeAll(closers: (() => unknown)[]): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

afterEach(() => closeAll(ofTest));
afterAll(() => closeAll(ofFile));
