# Sets workflows and follows the alerts through several servers, while some of them are stopped or killed. Give the number of calls.
import os, random, sys, threading, time, uuid
import grpc
from connecting import connect
from aftercall.alert.v1 import alert_pb2, alert_pb2_grpc
from aftercall.workflow.v1 import script_engine_pb2, script_engine_pb2_grpc, types_pb2

TAKE_OVER = 30.0  # seconds for which a call is repeated: another member leads within a few
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
pings = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 3_000)]


class Several:
    """Calls one of several servers, and the next one when it fails. Give a change a request id, so that a repeat has no second effect."""

    def __init__(self, addresses, stub):
        self.stubs = [stub(connect(address, options=pings)) for address in addresses.split(",")]
        self.now = random.randrange(len(self.stubs))

    def call(self, method, request):
        until = time.monotonic() + TAKE_OVER
        while True:
            used = self.now
            try:
                return getattr(self.stubs[used], method)(request, timeout=4.5)
            except grpc.RpcError as error:
                if error.code() not in AWAY or time.monotonic() > until:
                    raise
                self.leave(used)
                time.sleep(random.uniform(0, 0.2))

    def leave(self, used):
        if self.now == used:
            self.now = (used + 1) % len(self.stubs)

    def stream(self, method, request):
        used = self.now
        try:
            yield from getattr(self.stubs[used], method)(request)
        except grpc.RpcError as error:
            if error.code() not in AWAY:
                raise
        self.leave(used)


def follow(alerts, seen, has_begun, is_done):
    """Notes the sequence of each change. A stream that was lost resumes at another server with the last token."""
    token = ""
    while not is_done.is_set():
        for response in alerts.stream("Subscribe", alert_pb2.SubscribeRequest(resume_token=token)):
            token = response.token or token
            kind = response.WhichOneof("frame")
            if kind in ("stage_change", "out_of_view"):
                seen.append(getattr(response, kind).sequence)
            elif kind == "snapshot_end":
                has_begun.set()
            elif kind == "reset":
                raise SystemExit("the stream began again")
        time.sleep(random.uniform(0, 0.2))


def main(calls):
    scripts = Several(os.environ["AFTERCALL_SERVER"], script_engine_pb2_grpc.ScriptEngineServiceStub)
    alerts = Several(os.environ["AFTERCALL_ALERTER"], alert_pb2_grpc.AlertServiceStub)
    seen, has_begun, is_done = [], threading.Event(), threading.Event()
    threading.Thread(target=follow, args=(alerts, seen, has_begun, is_done), daemon=True).start()
    has_begun.wait(TAKE_OVER)  # what was set before is in the snapshot, and no change
    sequences = []
    for number in range(calls):
        request = script_engine_pb2.SetWorkflowRequest(
            request_id=str(uuid.uuid4()),  # the same for each repeat
            actor="python",
            call=types_pb2.CallRef(source="members", id=str(number)),
            properties=script_engine_pb2.CallProperties(customer="Northwind", chargeable=True),
            workflow="refund",
            fields={"amount": types_pb2.Value(number=5.0), "order": types_pb2.Value(text=f"B-{number}")},
        )
        sequences.append(scripts.call("SetWorkflow", request).sequence)
        print("set", number, sequences[-1], flush=True)
    until = time.monotonic() + TAKE_OVER
    while not set(sequences) <= set(seen) and time.monotonic() < until:
        time.sleep(0.05)
    is_done.set()
    shown = [sequence for sequence in seen if sequence in set(sequences)]
    print("in order and once" if shown == sequences else f"wrong: set {sequences}, shown {shown}", flush=True)


main(int(sys.argv[1]))
