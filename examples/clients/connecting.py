# How the Python examples reach a server: plain text or TLS, and with a token that proves who is asking.
# AFTERCALL_CA_FILE names a private certificate authority, AFTERCALL_TOKEN_FILE a file with the token. The file is read for each call,
# so a renewed token is used at once.
import os
import grpc


class Proof(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Sends the token of a file with each call."""

    def __init__(self, file):
        self.file = file

    def intercept_unary_unary(self, call, details, request):
        return call(self.proved(details), request)

    intercept_unary_stream = intercept_unary_unary

    def proved(self, details):
        with open(self.file) as file:
            token = ("authorization", f"Bearer {file.read().strip()}")
        return details._replace(metadata=[*(details.metadata or ()), token])


def connect(address, options=()):
    """A channel to a server at `HOST:PORT` or `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS."""
    host = address.split("://")[-1]
    if address.startswith("https://"):
        ca = os.environ.get("AFTERCALL_CA_FILE")
        trusted = open(ca, "rb").read() if ca else None  # None: those of the system
        channel = grpc.secure_channel(host, grpc.ssl_channel_credentials(trusted), options)
    else:
        channel = grpc.insecure_channel(host, options)
    token = os.environ.get("AFTERCALL_TOKEN_FILE")
    if not token:
        return channel
    if not address.startswith("https://") and host.rsplit(":", 1)[0] not in ("127.0.0.1", "[::1]", "localhost"):
        raise SystemExit(f"{address} is plain text on a network, where others could read the token: write https://{host}")
    return grpc.intercept_channel(channel, Proof(token))
