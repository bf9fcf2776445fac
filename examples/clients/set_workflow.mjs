// A script engine in Node sets a workflow on a call. `descriptors.binpb` is what `buf build proto -o descriptors.binpb` writes.
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { connect } from "./connecting.mjs"; // examples/clients/connecting.mjs: TLS and tokens

const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync("descriptors.binpb")));
const transport = connect(process.env.AFTERCALL_SERVER ?? "127.0.0.1:7401");
const scripts = createClient(files.getService("aftercall.workflow.v1.ScriptEngineService"), transport);
const { followUp } = await scripts.setWorkflow({
  requestId: randomUUID(), // asking again with the same id changes nothing
  actor: "script-engine-1",
  call: { source: "node", id: "1001" },
  properties: { customer: "Northwind", chargeable: true, caller: { name: "Ada Lovelace", reference: "C-77120" } },
  workflow: "refund",
  fields: {
    amount: { kind: { case: "number", value: 72.5 } },
    order: { kind: { case: "text", value: "B-20981" } },
    reason: { kind: { case: "text", value: "arrived broken" } },
  },
});
console.log(`${followUp.instanceId} is in stage ${followUp.stage.number}`);
