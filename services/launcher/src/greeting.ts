/** Import this first: loading the rest takes seconds. Prints nothing for `--help` or wrong arguments. */
const starts = process.argv.slice(2).every((argument) => /^--(dev$|npm=)/.test(argument));
if (starts) process.stdout.write('Starting loan-buddy.\n');
