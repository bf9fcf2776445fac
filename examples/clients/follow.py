# Keeps the list of open follow-ups in Python, over restarts of either server and over renewed tokens, and prints what changes.
import datetime, os, random, time
import grpc
from connecting import connect, is_expired, token_source
from aftercall.alert.v1 import alert_pb2, alert_pb2_grpc

address = os.environ.get("AFTERCALL_ALERTER", "127.0.0.1:7402")
pings = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 10_000)]  # a dead connection is noticed
tokens = token_source()
alerts = alert_pb2_grpc.AlertServiceStub(connect(address, options=pings, tokens=tokens))
follow_ups, coming, token, losses, asked = {}, {}, "", 0, 0.0
RENEWALS = 10  # losses in a row until an expired token ends this program: about a minute
REFUSED = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)


def say(*words):
    print(*words, flush=True)


def take(response):
    global coming
    kind = response.WhichOneof("frame")
    frame = getattr(response, kind) if kind else None  # a frame of a newer server: only its token counts
    if kind == "snapshot_item":
        coming[frame.follow_up.instance_id] = frame.follow_up
    elif kind == "snapshot_end":  # what is not in it is gone
        follow_ups.clear()
        follow_ups.update(coming)
    elif kind == "stage_change":
        known = follow_ups.get(frame.follow_up.instance_id)
        if known is None or known.revision < frame.follow_up.revision:
            follow_ups[frame.follow_up.instance_id] = frame.follow_up
            say("stage:", frame.follow_up.instance_id, frame.follow_up.stage.number, frame.follow_up.stage.title)
    elif kind == "out_of_view":
        if follow_ups.pop(frame.instance_id, None):
            say("gone:", frame.instance_id, frame.outcome)
    elif kind == "caught_up":  # the list is the server's now
        say(len(follow_ups), "open")
    elif kind == "drain":  # the server goes away and asks for some patience
        return frame.reconnect_after.ToTimedelta() / datetime.timedelta(seconds=1)
    return 0.0


while True:
    coming = {}
    try:
        for response in alerts.Subscribe(alert_pb2.SubscribeRequest(resume_token=token)):
            losses, asked = 0, max(take(response), 0.0)
            token = response.token or token  # empty while a snapshot is on its way
            if response.WhichOneof("frame") in ("reset", "snapshot_end"):
                coming = {}
    except grpc.RpcError as error:
        if error.code() in REFUSED and not (is_expired(error) and losses < RENEWALS):
            raise
        if tokens and is_expired(error):
            tokens.invalidate()  # the next one is another
        say("lost:", error.details())
    time.sleep(asked + random.uniform(0, min(10, 0.2 * 2**losses)))
    losses, asked = min(losses + 1, 16), 0.0
