# The columns of a list: the answer has these fields of each follow-up, its id, visit and revision, and nothing else of it.
. "$(dirname "$0")/connecting.sh" # examples/clients/connecting.sh: TLS and tokens
ask aftercall.workflow.v1.CallManagerService/ListFollowUps '{
  "page_size": 100,
  "read_mask": { "paths": ["workflow_title", "stage.title", "call.customer", "claim"] }
}'
