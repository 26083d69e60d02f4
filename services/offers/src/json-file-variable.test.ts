import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnv } from '@loan-buddy/kit/process';
import { z } from 'zod';
import { jsonFileVariable } from './json-file-variable';

describe('jsonFileVariable', () => {
  const folder = mkdtempSync(join(tmpdir(), 'json-file-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const read = (content: string) => {
    const file = join(folder, 'list.json');
    writeFileSync(file, content);
    return readEnv(z.object({ LIST: jsonFileVariable(z.array(z.int())) }), { LIST: file });
  };

  it('is read with or without a byte order mark', () => {
    expect(read('[1, 2]')).toEqual({ LIST: [1, 2] });
    expect(read('\uFEFF[3]')).toEqual({ LIST: [3] });
  });

  it('is refused with the place of the fault', () => {
    expect(() => read('[1, "x"]')).toThrow(/^ {2}LIST\.1: /m);
  });

  it('is refused without quoting its content', () => {
    expect(() => read('hunter2')).toThrow(/^ {2}LIST: .*list\.json is not JSON$/m);
  });

  it('is refused if it does not exist', () => {
    const schema = z.object({ LIST: jsonFileVariable(z.array(z.int())) });
    expect(() => readEnv(schema, { LIST: join(folder, 'none.json') })).toThrow(
      /^ {2}LIST: .*none\.json cannot be read \(ENOENT\)$/m,
    );
  });
});
