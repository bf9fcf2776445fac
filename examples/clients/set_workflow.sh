# A script engine that can only run commands sets a workflow on a call; grpcurl reads the types from the server.
server="${AFTERCALL_SERVER:-127.0.0.1:7401}"
grpcurl -plaintext -d '{
  "request_id": "call-1001-refund",
  "actor": "script-engine-1",
  "call": { "source": "shell", "id": "1001" },
  "properties": { "customer": "Northwind", "chargeable": true, "caller": { "name": "Ada Lovelace", "reference": "C-77120" } },
  "workflow": "refund",
  "fields": { "amount": { "number": 72.5 }, "order": { "text": "B-20981" }, "reason": { "text": "arrived broken" } }
}' "${server#http://}" aftercall.workflow.v1.ScriptEngineService/SetWorkflow
