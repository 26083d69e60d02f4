/** Import this first: loading the rest takes seconds. Prints nothing for `--help` or wrong arguments. */
const options = process.argv.slice(2).filter((_, i, all) => all[i - 1] !== '--env-file');
const starts = options.every((option) => /^--(dev$|npm=|env-file(=|$))/.test(option));
if (starts) process.stdout.write('Starting loan-buddy.\n');
