# Reads why a request was refused, in Python: the reason for programs, and each invalid field for people.
# Needs grpcio-status besides grpcio. Usage: error_details.py
import os, sys
import grpc
from connecting import connect
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from aftercall.workflow.v1 import script_engine_pb2, script_engine_pb2_grpc, types_pb2

channel = connect(os.environ.get("AFTERCALL_SERVER", "127.0.0.1:7401"))
scripts = script_engine_pb2_grpc.ScriptEngineServiceStub(channel)


def details(error):
    """The details of a refusal by the names of their types: ErrorInfo is always among them."""
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        kind = getattr(error_details_pb2, packed.TypeName().removeprefix("google.rpc."), None)
        if kind and packed.Is(kind.DESCRIPTOR):
            yield kind.DESCRIPTOR.name, kind.FromString(packed.value)


try:
    scripts.SetWorkflow(
        script_engine_pb2.SetWorkflowRequest(
            call=types_pb2.CallRef(source="python", id="two\nlines"), workflow="refund"
        ),
        timeout=5,
    )
except grpc.RpcError as error:
    found = dict(details(error))
    print(f"{error.code().name}: {found['ErrorInfo'].reason}")
    for violation in found["BadRequest"].field_violations if "BadRequest" in found else ():
        print(f"{violation.field}: {violation.description}")
else:
    sys.exit("it was not refused")
