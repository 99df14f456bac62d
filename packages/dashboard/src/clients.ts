/**
 * Pages that listen: each has a stream of server-sent events with a bounded queue.
 *
 * Nobody waits for a page. A page whose queue is full does not get the event; one that has missed several in a row is
 * let go, and its browser connects anew when it can.
 */
export interface Clients {
  readonly count: number;
  /** A new stream that begins with `first`; undefined when there are too many already. */
  open(first: string): ReadableStream<Uint8Array> | undefined;
  send(message: string): void;
  /** Ends all streams. */
  close(): void;
}

export interface ClientLimits {
  readonly clients: number;
  /** Bytes that wait for one page, beside those in its socket. */
  readonly bytes: number;
  /** Events that a page may miss in a row. */
  readonly missed: number;
}

interface Client {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  missed: number;
}

/** An event as it goes over the wire. */
export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function createClients({ clients: most, bytes, missed: patience }: ClientLimits): Clients {
  const clients = new Set<Client>();
  const encoder = new TextEncoder();

  function letGo(client: Client): void {
    clients.delete(client);
    client.controller.error(new Error('the page does not read what it asked for'));
  }

  return {
    get count() {
      return clients.size;
    },
    open(first) {
      if (clients.size >= most) return undefined;
      let client: Client | undefined;
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            client = { controller, missed: 0 };
            clients.add(client);
            controller.enqueue(encoder.encode(first));
          },
          cancel() {
            clients.delete(client!);
          },
        },
        new ByteLengthQueuingStrategy({ highWaterMark: bytes }),
      );
    },
    send(message) {
      const chunk = encoder.encode(message);
      for (const client of clients) {
        if ((client.controller.desiredSize ?? 0) > 0) {
          client.controller.enqueue(chunk);
          client.missed = 0;
        } else if (++client.missed > patience) letGo(client);
      }
    },
    close() {
      for (const { controller } of clients) controller.close();
      clients.clear();
    },
  };
}
