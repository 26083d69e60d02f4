export { createPublishEvent, readEvent, type PublishEvent } from './cloud-events';
export { openConfiguredBus, type MessageBus } from './message-bus';
export { parseJson } from './parse-json';
export { messageBusVariables, topicVariable } from './variables';
