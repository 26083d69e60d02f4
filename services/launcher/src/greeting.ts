/** Imported first: loading the rest takes seconds. */
process.stdout.write('Starting loan-buddy.\n');
