/**
 * `node -C source services/launcher/start.js FILE.ts [ARGUMENT …]` runs a TypeScript file from its source.
 * Old JavaScript syntax: on an old Node.js, or before `npm ci`, it must still run far enough to print what to do.
 */
const path = require('path');
const { engines } = require('../../package.json');

function refuse(reason) {
  process.stderr.write('loan-buddy: ' + reason + '\n');
  process.exit(1);
}

const numbers = (version) => version.match(/\d+/g).map(Number);
const needed = numbers(engines.node);
const here = numbers(process.versions.node);
if (here[0] < needed[0] || (here[0] === needed[0] && here[1] < needed[1])) {
  refuse(
    'needs Node.js ' + needed.join('.') + ' or newer; this is Node.js ' + process.versions.node,
  );
}

// The cache saves no time here, and leaves files in the system's temporary folder.
process.env.DISABLE_V8_COMPILE_CACHE = '1';

try {
  require('ts-node').register({
    transpileOnly: true,
    transpiler: require.resolve('./transpiler'),
  });
  process.argv.splice(1, 1);
  require(path.resolve(process.argv[1]));
} catch (error) {
  const [, name] =
    /^Cannot find (?:module|package) '((?:@[^/']+\/)?[^@./'][^/']*)/.exec(error.message) || [];
  if (name === undefined) throw error;
  refuse('the package ' + name + ' is not installed; run npm ci first');
}
