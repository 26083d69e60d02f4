/** Import this first: loading the rest takes seconds. Prints nothing for `--help` or a wrong argument, which start nothing. */
const starts = process.argv.slice(2).every((argument) => argument === '--dev');
if (starts) process.stdout.write('Starting loan-buddy.\n');
