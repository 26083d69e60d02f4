import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillFolder } from '../../services/offers/test/embedded-database';
import { atEnd } from './at-end';

/** Returns the environment of offers for the embedded database in a new empty folder. */
export function newEmptyFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'offers-'));
  atEnd(() => {
    rmSync(folder, { recursive: true });
  });
  return { DATABASE_URL: '', DATA_DIR: folder };
}

/** Like {@link newEmptyFolder}, but with a database without orders, as a first start leaves it: offers starts faster. */
export async function newFolder() {
  const storage = newEmptyFolder();
  await fillFolder(storage.DATA_DIR);
  return storage;
}
