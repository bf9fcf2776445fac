# A Call Manager in Python: holds an alert stream, pushes the first button of what it is shown, and sees it move.
# Usage: call_manager.py BUTTON [FORM_FIELD=TEXT]; ends when it has pushed the button and seen where that led.
import os, sys, uuid
from connecting import connect
from aftercall.alert.v1 import alert_pb2, alert_pb2_grpc
from aftercall.workflow.v1 import call_manager_pb2, call_manager_pb2_grpc, types_pb2

manager = call_manager_pb2_grpc.CallManagerServiceStub(connect(os.environ.get("AFTERCALL_SERVER", "127.0.0.1:7401")))
alerts = alert_pb2_grpc.AlertServiceStub(connect(os.environ.get("AFTERCALL_ALERTER", "127.0.0.1:7402")))
if len(sys.argv) < 2:
    sys.exit("Usage: call_manager.py BUTTON [FORM_FIELD=TEXT]")
button = sys.argv[1]
form = dict(argument.split("=", 1) for argument in sys.argv[2:])


def show(follow_up):
    texts = "; ".join(alert.text for alert in follow_up.alerts)
    buttons = ", ".join(button.id for button in follow_up.buttons)
    print(f"call {follow_up.call.ref.id}: stage {follow_up.stage.number} {follow_up.stage.title}: {texts} [{buttons}]", flush=True)


def push(follow_up):
    manager.PushButton(
        call_manager_pb2.PushButtonRequest(
            request_id=str(uuid.uuid4()),
            actor="Grace",
            instance_id=follow_up.instance_id,
            button_id=button,
            stage=follow_up.stage.number,
            visit=follow_up.visit,  # a click made on an earlier round never lands in a later one
            form={name: types_pb2.Value(text=text) for name, text in form.items()},
        ),
        timeout=5,
    )


pushed = None
print("watching", flush=True)
for response in alerts.Subscribe(alert_pb2.SubscribeRequest(), wait_for_ready=True):
    kind = response.WhichOneof("frame")
    if kind in ("snapshot_item", "stage_change"):
        follow_up = getattr(response, kind).follow_up
        show(follow_up)
        if follow_up.instance_id == pushed:
            break
        if pushed is None and any(offered.id == button for offered in follow_up.buttons):
            pushed = follow_up.instance_id
            push(follow_up)
    elif kind == "out_of_view" and response.out_of_view.instance_id == pushed:
        print(f"finished: {response.out_of_view.outcome}", flush=True)
        break
