/** Imported first: loading the rest takes seconds. A request for help, or a wrong argument, starts nothing. */
const starts = process.argv.slice(2).every((argument) => argument === '--dev');
if (starts) process.stdout.write('Starting loan-buddy.\n');
