/** Imported first: loading the rest takes seconds. */
const isAskedForHelp = ['--help', '-h'].some((option) => process.argv.includes(option));
if (!isAskedForHelp) process.stdout.write('Starting loan-buddy.\n');
