// Checks loan-buddy on a Kind cluster: what cannot be seen without one.
import { parseArgs } from 'node:util';
import { cluster } from './cluster.mjs';
import { stepsOf } from './steps.mjs';

const usage = `usage: npm run kind:check -- [--node-image IMAGE] [--build-arg NAME=VALUE]... [--keep] [STEP...]
Checks loan-buddy on a Kind cluster of its own, with three nodes, which it creates and removes. Needs what npm run kind:up
needs, and takes about 12 minutes. Prints figures. Ends with "N passed, N failed"; exits 1 if a step failed.
  STEP          runs only these steps, on the cluster that --keep left; quote a name with spaces
  --keep        leaves the cluster; remove it with kind/down.sh --name ${cluster}
  --node-image  node image of the cluster; by default, kind chooses it
  --build-arg   is passed on to docker build, such as a proxy; may be repeated
Steps, in this order:
${Object.keys(stepsOf([]))
  .map((name) => `  ${name}`)
  .join('\n')}
`;

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        keep: { type: 'boolean', default: false },
        'node-image': { type: 'string' },
        'build-arg': { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const steps = stepsOf([
      ...(values['node-image'] ? ['--node-image', values['node-image']] : []),
      ...values['build-arg'].flatMap((each) => ['--build-arg', each]),
    ]);
    const names = Object.keys(steps);
    const unknown = positionals.find((name) => !names.includes(name));
    if (unknown) throw new Error(`no step ${unknown}`);
    const all = values.keep ? names.filter((name) => !/^(uninstall|down)$/.test(name)) : names;
    return { help: values.help, steps, chosen: positionals.length > 0 ? positionals : all };
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

async function check(steps, chosen) {
  let failed = 0;
  for (const name of chosen) {
    const start = Date.now();
    const result = await steps[name]().then(
      (figures) => ({ word: 'ok', text: figures }),
      ({ message, stdout = '', stderr = '' }) => ({
        word: 'FAILED',
        text: [message, stdout, stderr].join('\n').trim(),
      }),
    );
    if (result.word === 'FAILED') failed += 1;
    const seconds = ((Date.now() - start) / 1000).toFixed(0);
    process.stdout.write(`${result.word}: ${name} (${seconds} s): ${result.text}\n`);
  }
  process.stdout.write(`\n${chosen.length - failed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

const { help, steps, chosen } = readArguments();
if (help) process.stdout.write(usage);
else await check(steps, chosen);
