// Keeps the list of open follow-ups in TypeScript, over restarts of either server and over renewed tokens.
// It prints what changes.
// `npx tsx follow.mts`; `descriptors.binpb` is what `buf build proto -o descriptors.binpb` writes.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connect, isExpired, tokenSource } from "./connecting.mjs";

type FollowUp = { instanceId: string; revision: bigint; stage?: { number: number; title: string } };

const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync("descriptors.binpb")));
const service = files.getService("aftercall.alert.v1.AlertService")!;
const tokens = tokenSource();
const transport = connect(process.env.AFTERCALL_ALERTER ?? "127.0.0.1:7402", { tokens, pingIntervalMs: 10_000 });
const alerts = createClient(service, transport);
const RENEWALS = 10; // losses in a row until an expired token ends this program: about a minute
const refused = [Code.InvalidArgument, Code.PermissionDenied, Code.Unauthenticated];
let followUps = new Map<string, FollowUp>();
let coming = new Map<string, FollowUp>();
let token = "";

/** Takes a frame; gives how many seconds the server asks to be waited. */
function take(frame: any): number {
  const { case: kind, value } = frame; // undefined for a frame of a newer server: only its token counts
  if (kind === "snapshotItem") coming.set(value.followUp.instanceId, value.followUp);
  else if (kind === "snapshotEnd") [followUps, coming] = [coming, new Map()]; // what is not in it is gone
  else if (kind === "reset") coming = new Map();
  else if (kind === "stageChange") {
    const now: FollowUp = value.followUp;
    const known = followUps.get(now.instanceId);
    if (known && known.revision >= now.revision) return 0;
    followUps.set(now.instanceId, now);
    console.log(`stage: ${now.instanceId} ${now.stage?.number} ${now.stage?.title}`);
  } else if (kind === "outOfView") {
    if (followUps.delete(value.instanceId)) console.log(`gone: ${value.instanceId} ${value.outcome}`);
  } else if (kind === "caughtUp") console.log(`${followUps.size} open`); // the list is the server's now
  else if (kind === "drain") return Number(value.reconnectAfter?.seconds ?? 0n) + (value.reconnectAfter?.nanos ?? 0) / 1e9;
  return 0;
}

for (let losses = 0; ; losses = Math.min(losses + 1, 16)) {
  let asked = 0;
  coming = new Map();
  try {
    for await (const response of alerts.subscribe({ resumeToken: token }) as AsyncIterable<any>) {
      losses = 0;
      asked = take(response.frame);
      token = response.token || token; // empty while a snapshot is on its way
    }
  } catch (error) {
    const lost = ConnectError.from(error);
    if (refused.includes(lost.code) && !(isExpired(lost) && losses < RENEWALS)) throw error;
    if (isExpired(lost)) tokens?.invalidate(); // the next one is another
    console.log(`lost: ${lost.rawMessage}`);
  }
  await sleep(1000 * (asked + Math.random() * Math.min(10, 0.2 * 2 ** losses)));
}
