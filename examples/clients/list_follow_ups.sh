# The columns of a list: the answer has these fields of each follow-up, its id, visit and revision, and nothing else of it.
server="${AFTERCALL_SERVER:-127.0.0.1:7401}"
grpcurl -plaintext -d '{
  "page_size": 100,
  "read_mask": { "paths": ["workflow_title", "stage.title", "call.customer", "claim"] }
}' "${server#http://}" aftercall.workflow.v1.CallManagerService/ListFollowUps
