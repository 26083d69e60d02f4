// The compiler writes Endpoint into the declarations of the services' endpoints.
// ts-unused-exports:disable-next-line
export { endpoint, type Endpoint, type Tag } from './endpoint';
export type { Page } from './docs';
export { entityTag, hasBody } from './entity-tag';
export { createLifecycle } from './lifecycle';
export { isAbandoned, sendEmpty, sendJson } from './responses';
export { inertHeaders, securityHeaders } from './security-headers';
export { serveContext } from './serve';
export { environment, serverVariables } from './server-variables';
export { createServiceApp } from './service-app';
export { fileEndpoint } from './static-file';
