import type { IncomingMessage } from 'node:http';

export function readJson<T>(message: IncomingMessage, use: (value: T) => void): void {
  let text = '';
  message.setEncoding('utf8');
  message.on('data', (chunk: string) => (text += chunk));
  message.on('end', () => {
    use(JSON.parse(text) as T);
  });
}
