import './arguments';
import { tracing } from './instrumentation';
import { runProcess } from '@loan-buddy/kit/process';
import { serveContext } from '@loan-buddy/kit/server';
import { createApp } from './app';
import { readConfig } from './config';
import { openContext } from './context';

const start = async () => {
  const config = readConfig(process.env);
  return serveContext(await openContext(config), createApp, config);
};

void runProcess('confirm-payment', start, tracing);
