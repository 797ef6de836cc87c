import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** Connections that were cut so far. */
  readonly cuts: number;
  close(): Promise<void>;
}

/** Passes TCP connections on, and cuts all of them every `everyMs`. */
export async function startCuttingProxy(target: number, everyMs: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    cuts += sockets.size;
    for (const socket of sockets) socket.destroy();
  };
  const timer = setInterval(cutAll, everyMs);
  return {
    port: (server.address() as AddressInfo).port,
    get cuts() {
      return cuts;
    },
    close: async () => {
      clearInterval(timer);
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
