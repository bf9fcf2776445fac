# A script engine in Python sets a workflow on a call.
import os, uuid
from connecting import connect  # examples/clients/connecting.py: TLS and tokens
from aftercall.workflow.v1 import script_engine_pb2, script_engine_pb2_grpc, types_pb2

channel = connect(os.environ.get("AFTERCALL_SERVER", "127.0.0.1:7401"))
scripts = script_engine_pb2_grpc.ScriptEngineServiceStub(channel)
answer = scripts.SetWorkflow(
    script_engine_pb2.SetWorkflowRequest(
        request_id=str(uuid.uuid4()),  # asking again with the same id changes nothing
        actor="script-engine-1",
        call=types_pb2.CallRef(source="python", id="1001"),
        properties=script_engine_pb2.CallProperties(
            customer="Northwind", chargeable=True, caller=types_pb2.Caller(name="Ada Lovelace", reference="C-77120")
        ),
        workflow="refund",
        fields={
            "amount": types_pb2.Value(number=72.5),
            "order": types_pb2.Value(text="B-20981"),
            "reason": types_pb2.Value(text="arrived broken"),
        },
    ),
    timeout=5,
)
follow_up = answer.follow_up
print(f"{follow_up.instance_id} is in stage {follow_up.stage.number}, promised by {answer.promise_by.ToJsonString()}")
