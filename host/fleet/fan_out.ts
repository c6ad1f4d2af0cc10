/**
 * Work on many VMs, so many at a time, and so many of one host.
 *
 * @module
 */

/** How much is done at a time. */
export interface FanOutOptions {
  readonly parallel: number;
  readonly perHost: number;
  /** Whether no more may begin. */
  readonly isStopped: () => boolean;
}

/**
 * Works on VMs in their order, as far as the limits allow; resolves when all that has begun is done.
 *
 * @param work Must not reject.
 * @returns The VMs on which nothing was begun.
 */
export async function fanOut<Vm extends { readonly host: string }>(
  vms: readonly Vm[],
  { parallel, perHost, isStopped }: FanOutOptions,
  work: (vm: Vm) => Promise<void>,
): Promise<Vm[]> {
  const waiting = new Set(vms);
  const running = new Set<Promise<void>>();
  const ofHost = new Map<string, number>();
  const begin = (vm: Vm) => {
    waiting.delete(vm);
    ofHost.set(vm.host, (ofHost.get(vm.host) ?? 0) + 1);
    const one: Promise<void> = work(vm).then(() => {
      ofHost.set(vm.host, (ofHost.get(vm.host) ?? 1) - 1);
      running.delete(one);
    });
    running.add(one);
  };
  for (;;) {
    for (const vm of waiting) {
      if (isStopped() || running.size >= parallel) break;
      if ((ofHost.get(vm.host) ?? 0) < perHost) begin(vm);
    }
    if (running.size === 0) return [...waiting];
    await Promise.race(running);
  }
}

/** Batches of a number of VMs, or of a share of them; all at once without either. */
export function batchesOf<Vm>(vms: readonly Vm[], batch: string | undefined): Vm[][] {
  const [, number = "", percent] = /^([1-9]\d{0,5})(%?)$/.exec(batch ?? "") ?? [];
  const size = number === ""
    ? vms.length
    : percent === "%"
    ? Math.ceil(vms.length * Number(number) / 100)
    : Number(number);
  const batches: Vm[][] = [];
  for (let at = 0; at < vms.length; at += size) batches.push(vms.slice(at, at + size));
  return batches;
}
