// Reads why a request was refused, in Node: the reason for programs, and each invalid field for people.
// `descriptors.binpb` is what `buf build proto -o descriptors.binpb` writes. The types of google.rpc are not in it; these are the two
// that most clients need. With generated code of googleapis, pass its schemas to `findDetails` instead.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, fromJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, Code, createClient } from "@connectrpc/connect";
import { connect } from "./connecting.mjs";

const text = (name, number) => ({ name, number, type: "TYPE_STRING", label: "LABEL_OPTIONAL", jsonName: name });
const list = (name, number, typeName) => ({ name, number, type: "TYPE_MESSAGE", label: "LABEL_REPEATED", typeName });
const rpc = createFileRegistry(fromJson(FileDescriptorSetSchema, { file: [{
  name: "google/rpc/error_details.proto", package: "google.rpc", syntax: "proto3",
  messageType: [
    { name: "ErrorInfo",
      field: [text("reason", 1), text("domain", 2), list("metadata", 3, ".google.rpc.ErrorInfo.MetadataEntry")],
      nestedType: [{ name: "MetadataEntry", field: [text("key", 1), text("value", 2)], options: { mapEntry: true } }] },
    { name: "BadRequest",
      field: [list("field_violations", 1, ".google.rpc.BadRequest.FieldViolation")],
      nestedType: [{ name: "FieldViolation", field: [text("field", 1), text("description", 2)] }] },
  ],
}] }));
const [ErrorInfo, BadRequest] = ["ErrorInfo", "BadRequest"].map((name) => rpc.getMessage(`google.rpc.${name}`));

const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync("descriptors.binpb")));
const service = files.getService("aftercall.workflow.v1.ScriptEngineService");
const scripts = createClient(service, connect(process.env.AFTERCALL_SERVER ?? "127.0.0.1:7401"));

try {
  await scripts.setWorkflow({ call: { source: "node", id: "two\nlines" }, workflow: "refund" });
  throw new Error("it was not refused");
} catch (thrown) {
  const error = ConnectError.from(thrown);
  console.log(`${Code[error.code]}: ${error.findDetails(ErrorInfo)[0]?.reason}`);
  for (const { fieldViolations } of error.findDetails(BadRequest)) {
    for (const { field, description } of fieldViolations) console.log(`${field}: ${description}`);
  }
}
