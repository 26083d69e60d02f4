import './arguments';
import { runProcess } from '@loan-buddy/kit/process';
import { serveContext } from '@loan-buddy/kit/server';
import { createApp } from './app';
import { readConfig } from './config';
import { openContext } from './context';

void runProcess('confirm-payment', async () => {
  const config = readConfig(process.env);
  return serveContext(await openContext(config), createApp, config);
});
