/**
 * The one unstable API that the agent uses, behind `--unstable-net`: unix datagram sockets, for the
 * service manager's watchdog (lib/platform/linux/service_manager.ts).
 */
declare namespace Deno {
  /** A datagram socket. */
  interface UnixDatagramConn {
    send(bytes: Uint8Array, to: { transport: "unixpacket"; path: string }): Promise<number>;
    receive(): Promise<[Uint8Array, unknown]>;
    close(): void;
  }

  /** Binds a datagram socket to a path, which is created. */
  function listenDatagram(options: { transport: "unixpacket"; path: string }): UnixDatagramConn;
}
