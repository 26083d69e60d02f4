export { createPublishEvent, parseJson, readEvent, type PublishEvent } from './cloud-events';
export { openConfiguredBus, openMessageBus, type MessageBus } from './message-bus';
export { messageBusVariables, topicVariable } from './variables';
