export {
  createPublishEvent,
  parseJson,
  readEvent,
  UnusableMessageError,
  type PublishEvent,
} from './cloud-events';
export { openConfiguredBus, type MessageBus } from './message-bus';
export { messageBusVariables, topicVariable } from './variables';
