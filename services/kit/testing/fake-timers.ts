/** For `doNotFake`: the test decides when intervals fire, while servers and clients work as usual. */
export const allButIntervals = [
  ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] as const),
];

/** For `doNotFake`: the test decides when timeouts end, while servers and clients work as usual. */
export const allButTimeouts = [
  ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const),
];
