import { AgentClient } from "../host/client.ts";
import { push } from "../host/transfer/push.ts";
import { pull } from "../host/transfer/pull.ts";
const mb = Number(Deno.args[1] ?? 20);
const data = new Uint8Array(mb*1024*1024); for (let i=0;i<data.length;i+=65536) crypto.getRandomValues(data.subarray(i,i+65536));
await Deno.writeFile("/tmp/hb/local", data);
const client = await AgentClient.connect(Deno.args[0]!);
const dir = Deno.args[2] ?? "/tmp/hb/files";
for (let r=0;r<3;r++){
  let t=performance.now(); let c=Deno.cpuUsage?.();
  await push(client,"/tmp/hb/local",`${dir}/f`); let s=(performance.now()-t)/1000;
  console.log("push", (mb/s).toFixed(2),"MB/s");
  t=performance.now(); await pull(client,`${dir}/f`,"/tmp/hb/back"); s=(performance.now()-t)/1000;
  console.log("pull", (mb/s).toFixed(2),"MB/s");
}
await client.close();
