/** The files that GitHub shows to users and contributors. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from './support/service-process';

const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('CHANGELOG.md', () => {
  const versions = [...read('CHANGELOG.md').matchAll(/^## \[?([^\]\n]+)\]?/gm)].map(
    ([, version]) => version,
  );

  it('starts with Unreleased, and has the version of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(versions[0]).toBe('Unreleased');
    expect(versions).toContain(version);
  });

  it('links only to files that exist', () => {
    const links = [...read('CHANGELOG.md').matchAll(/\]\((?!https:)([^)#]+)/g)];
    expect(
      links.map(([, target]) => target!).filter((file) => !existsSync(join(root, file))),
    ).toEqual([]);
  });
});

it('the badge in the README shows a workflow that exists', () => {
  const workflow = /\/workflows\/([\w.]+)\/badge\.svg/.exec(read('README.md'))?.[1];
  expect(readdirSync(join(root, '.github/workflows'))).toContain(workflow);
});

interface IssueForm {
  name: string;
  description: string;
  body: { type: string; id?: string; attributes: { label?: string; value?: string } }[];
}

describe.each(['bug_report', 'feature_request'])('the issue form %s', (name) => {
  const form = parse(read(`.github/ISSUE_TEMPLATE/${name}.yml`)) as IssueForm;

  it('has what GitHub requires: a name, a description, and fields with a label', () => {
    expect([form.name, form.description]).toEqual([expect.any(String), expect.any(String)]);
    for (const { type, id, attributes } of form.body) {
      if (type === 'markdown') expect(attributes.value).toEqual(expect.any(String));
      else expect([id, attributes.label]).toEqual([expect.any(String), expect.any(String)]);
    }
    const ids = form.body.flatMap(({ id }) => id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
