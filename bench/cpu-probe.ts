// Preloaded into every measured process. Responds to each message with the CPU time so far, in microseconds.
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on('disconnect', () => process.exit()); // the bench has ended
process.channel?.unref();
