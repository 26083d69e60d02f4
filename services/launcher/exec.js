#!/usr/bin/env node
/**
 * `exec node ARGUMENT …` for cmd.exe, which has no `exec`: npm puts this file on the PATH of its scripts. A POSIX shell uses
 * its own `exec`, which replaces npm's shell with the launcher. Otherwise that shell would not forward a Ctrl-C from npm.
 */
const { spawnSync } = require('node:child_process');

const { status } = spawnSync(process.execPath, process.argv.slice(3), { stdio: 'inherit' });
process.exit(status ?? 1);
