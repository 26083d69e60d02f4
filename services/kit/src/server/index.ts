// The compiler writes Endpoint into the declarations of the services' endpoints.
// ts-unused-exports:disable-next-line
export { endpoint, type Endpoint, type Tag } from './endpoint';
export { createLifecycle, type Lifecycle } from './lifecycle';
export { type Webhook } from './openapi';
export {
  isAbandoned,
  sendEmpty,
  sendJson,
  sendRepresentation,
  represent,
  securityHeaders,
  signalOf,
} from './responses';
export { serve } from './serve';
export { environment, serverVariables } from './server-variables';
export { createServiceApp } from './service-app';
