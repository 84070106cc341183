import { type AddressInfo, createServer, type Server } from 'node:net';

/** Somebody else listens where this cloud should; the message names the port. */
export class PortInUse extends Error {
  override name = 'PortInUse';
}

/**
 * Has a server listen, on a free port when `port` is 0.
 *
 * @returns the port
 * @throws PortInUse
 */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = `Port ${port} on ${host} is already in use: stop what listens there, or choose another port.`;
      reject(error.code === 'EADDRINUSE' ? new PortInUse(inUse) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/**
 * Finds a port that can be listened on, for a server that is started later: its URL must be known before.
 *
 * @throws PortInUse when a certain port is asked for and taken
 */
export async function findPort(host: string, port: number): Promise<number> {
  const server = createServer();
  const found = await listen(server, host, port);
  await new Promise((resolve) => server.close(resolve));
  return found;
}
