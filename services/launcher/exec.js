#!/usr/bin/env node
/**
 * `exec node ARGUMENT …` for cmd.exe, which has no `exec`: npm puts this into the PATH of its scripts. A POSIX shell has its
 * own, with which npm's shell becomes the launcher; otherwise the shell would keep a Ctrl-C of npm to itself.
 */
const { spawnSync } = require('node:child_process');

const { status } = spawnSync(process.execPath, process.argv.slice(3), { stdio: 'inherit' });
process.exit(status ?? 1);
