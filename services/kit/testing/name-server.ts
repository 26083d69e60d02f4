import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED } from 'dns-packet';

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
  socket.on('message', (message, { address, port }) => {
    const { id, questions = [] } = decode(message);
    const { name, type } = questions[0]!;
    if (type !== 'A' && type !== 'AAAA') throw new Error(`unexpected query: ${type} ${name}`);
    queries.push(`${type} ${name}`);
    const response = respond(name, type === 'A' ? 4 : 6);
    if (response === 'timeout') return;
    const addresses = typeof response === 'string' ? [] : response;
    const rcode = typeof response === 'string' ? rcodes[response] : 0;
    const flags = RECURSION_DESIRED | RECURSION_AVAILABLE | rcode;
    const answers = addresses.map((data) => ({ type, name, ttl: 60, data }));
    socket.send(encode({ type: 'response', id, flags, questions, answers }), port, address);
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
