import { until } from '@loan-buddy/kit/testing';
import { launch, type Program } from './launch';

const program = (name: string, script: string): Program => ({
  name,
  args: ['-e', script],
  env: process.env,
});

const ready = `process.send({ type: 'ready' });`;
const patient = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); setInterval(() => {}, 1000);`;
const stubborn = `process.on('SIGTERM', () => { console.log('no') }); setInterval(() => {}, 1000);`;

function setUp(programs: Program[]) {
  const stop = new AbortController();
  const force = new AbortController();
  const lines: string[] = [];
  const print = (line: string, name: string) => lines.push(`${name}: ${line}`);
  const onReady = () => lines.push('all ready');
  const over = launch({ programs, stop: stop.signal, force: force.signal, print, onReady });
  return { stop, force, lines, over };
}

describe('launch', () => {
  it('calls onReady once all are ready, and returns no reason when `stop` ends them', async () => {
    const { stop, lines, over } = setUp([
      program('a', `console.log('hello'); ${patient} ${ready}`),
      program('b', patient + ready),
    ]);
    await until(() => lines.includes('all ready') && lines.includes('a: hello'));
    stop.abort();
    expect(await over).toBeUndefined();
    expect(lines.slice(2).sort()).toEqual(['a: bye', 'b: bye']);
  });

  it('does not call onReady while one is not ready', async () => {
    const late = `process.on('SIGTERM', () => { process.exit(0) }); setInterval(() => {}, 1000);`;
    const { stop, lines, over } = setUp([
      program('a', patient + ready),
      program('b', `console.log('still starting'); ${late}`),
    ]);
    await until(() => lines.includes('b: still starting'));
    stop.abort();
    await over;
    expect(lines).not.toContain('all ready');
  });

  it('ends the others when one ends, and returns the reason', async () => {
    const { over, lines } = setUp([
      program('a', patient + ready),
      program('b', `${ready} setTimeout(() => { console.error('ouch'); process.exit(3) }, 300)`),
    ]);
    expect(await over).toBe('b stopped with exit code 3');
    expect(lines).toContain('b: ouch');
    expect(lines).toContain('a: bye');
  });

  it('returns the stderr of a program that cannot start, with the variable that sets its port', async () => {
    const words = `console.error('b: port 1 is in use; set PORT'); process.exit(1);`;
    const { over, lines } = setUp([{ ...program('b', words), portVariable: 'B_PORT' }]);
    expect(await over).toBe('b: port 1 is in use; set B_PORT');
    expect(lines).toEqual([]);
  });

  it('prints at once why a program that restarts by itself cannot start', async () => {
    const words = `console.error('syntax'); setInterval(() => {}, 1000);`;
    const { stop, lines, over } = setUp([{ ...program('b', words), restartsItself: true }]);
    await until(() => lines.includes('b: syntax'));
    stop.abort();
    await over;
  });

  it('kills programs that ignore SIGTERM when `force` aborts', async () => {
    const { stop, force, lines, over } = setUp([program('a', stubborn + ready)]);
    await until(() => lines.includes('all ready'));
    stop.abort();
    await until(() => lines.includes('a: no'));
    force.abort();
    expect(await over).toBeUndefined();
  });
});
