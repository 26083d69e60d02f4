import type { IncomingMessage } from 'node:http';

export function readJson(
  message: IncomingMessage,
  use: (value: Record<string, unknown>) => void,
): void {
  let text = '';
  message.setEncoding('utf8');
  message.on('data', (chunk: string) => (text += chunk));
  message.on('end', () => {
    use(JSON.parse(text) as Record<string, unknown>);
  });
}
