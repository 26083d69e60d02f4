/** A recorded response, for a bare server to repeat. */
export interface Recorded {
  status: number;
  headers: string[];
  body: string;
}

export function readRecorded(): Recorded {
  return JSON.parse(process.env['BENCH_RESPONSE'] ?? '') as Recorded;
}
