import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';

/** The response codes of RFC 1035, section 4.1.1, that tests need. */
const rcodes = { servfail: 2, nxdomain: 3 };

/** The response of a name server for one address family: addresses, an error, or none until the query times out. */
export type DnsResponse = readonly string[] | keyof typeof rcodes | 'timeout';

/** A name server on 127.0.0.1, for one test. */
export interface NameServer {
  /** As `Resolver.setServers` takes it. */
  address: string;
  /** The queries so far, such as `A example.com`. */
  queries: string[];
  close: () => Promise<void>;
}

/** Starts a real DNS server (RFC 1035, over UDP) that sends what `respond` returns. */
export async function startNameServer(
  respond: (name: string, family: 4 | 6) => DnsResponse,
): Promise<NameServer> {
  const queries: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const { name, type, end } = readQuestion(query);
    queries.push(`${type === TYPE_A ? 'A' : 'AAAA'} ${name}`);
    const response = respond(name, type === TYPE_A ? 4 : 6);
    if (response === 'timeout') return;
    const addresses = typeof response === 'string' ? [] : response;
    const rcode = typeof response === 'string' ? rcodes[response] : 0;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // The flags of a response to a recursive query, with recursion available.
    header.writeUInt16BE(0x8180 | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((each) => encodeRecord(type, each));
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${String(socket.address().port)}`,
    queries,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

const TYPE_A = 1;

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function encodeRecord(type: number, address: string): Buffer {
  const data = Buffer.from(ipaddr.parse(address).toByteArray());
  const record = Buffer.alloc(12);
  // A pointer to the name in the query, at byte 12; then type, class (internet), time to live in seconds, length.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}
