import { startHttpServer, until, type LocalServer } from '@loan-buddy/kit/testing';
import { launch, type Program } from './launch';

let ready: LocalServer;
beforeAll(async () => {
  ready = await startHttpServer((_, res) => res.end());
});
afterAll(() => ready.close());

function program(name: string, script: string): Program {
  return { name, args: ['-e', script], env: process.env, readyUrl: ready.url };
}

const patient = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); setInterval(() => {}, 1000)`;

function setUp(programs: Program[]) {
  const stop = new AbortController();
  const lines: string[] = [];
  const print = (line: string, name: string) => lines.push(`${name}: ${line}`);
  let onReady: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => (onReady = resolve));
  const over = launch({ programs, stop: stop.signal, print, onReady });
  return { stop, lines, isReady, over };
}

describe('launch', () => {
  it('tells when all are ready, and ends them without a reason when it is asked to', async () => {
    const { stop, lines, isReady, over } = setUp([
      program('a', `console.log('hello'); ${patient}`),
      program('b', patient),
    ]);
    await isReady;
    await until(() => lines.includes('a: hello'));
    stop.abort();
    expect(await over).toBeUndefined();
    expect(lines[0]).toBe('a: hello');
  });

  it('ends the others and says why when one dies', async () => {
    const { over, lines } = setUp([
      program('a', patient),
      program('b', `setTimeout(() => { console.error('ouch'); process.exit(3) }, 300)`),
    ]);
    expect(await over).toBe('b stopped with exit code 3');
    expect(lines).toContain('b: ouch');
    expect(lines).toContain('a: bye');
  });

  it('does not call it ready while one is not', async () => {
    let status = 503;
    const late = await startHttpServer((_, res) => res.writeHead(status).end());
    const patientLate = { ...program('b', patient), readyUrl: late.url };
    const { stop, isReady, over } = setUp([program('a', patient), patientLate]);
    const first = await Promise.race([
      isReady.then(() => 'ready'),
      new Promise((resolve) => setTimeout(resolve, 400, 'waiting')),
    ]);
    expect(first).toBe('waiting');
    status = 200;
    await isReady;
    stop.abort();
    await over;
    await late.close();
  });

  it('says so when the script of one is missing', async () => {
    const broken = { ...program('b', ''), args: ['/no/such/script.js'] };
    expect(await setUp([program('a', patient), broken]).over).toBe('b stopped with exit code 1');
  });
});
