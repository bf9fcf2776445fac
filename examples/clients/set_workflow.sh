# A script engine that can only run commands sets a workflow on a call; grpcurl reads the types from the server.
. "$(dirname "$0")/connecting.sh" # examples/clients/connecting.sh: TLS and tokens
ask aftercall.workflow.v1.ScriptEngineService/SetWorkflow '{
  "request_id": "call-1001-refund",
  "actor": "script-engine-1",
  "call": { "source": "shell", "id": "1001" },
  "properties": { "customer": "Northwind", "chargeable": true, "caller": { "name": "Ada Lovelace", "reference": "C-77120" } },
  "workflow": "refund",
  "fields": { "amount": { "number": 72.5 }, "order": { "text": "B-20981" }, "reason": { "text": "arrived broken" } }
}'
