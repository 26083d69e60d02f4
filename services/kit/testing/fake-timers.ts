/** For `doNotFake`: a test moves intervals on as it likes, while servers and their clients go on as ever. */
export const allButIntervals = [
  ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] as const),
];

/** For `doNotFake`: a test moves deadlines on as it likes, while servers and their clients go on as ever. */
export const allButTimeouts = [
  ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const),
];
