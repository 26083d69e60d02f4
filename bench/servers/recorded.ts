/** A response as it was seen on the wire: what a bare server is to send again. */
export interface Recorded {
  status: number;
  headers: string[];
  body: string;
}

export function readRecorded(): Recorded {
  return JSON.parse(process.env['BENCH_RESPONSE'] ?? '') as Recorded;
}
