# How the Python examples reach a server: plain text or TLS, and with a token that proves who is asking.
# AFTERCALL_CA_FILE names a private certificate authority. A token comes from a file (AFTERCALL_TOKEN_FILE), or from an OpenID provider
# (AFTERCALL_TOKEN_URL, AFTERCALL_CLIENT_ID, AFTERCALL_CLIENT_SECRET_FILE, AFTERCALL_SCOPE).
import json, os, threading, time, urllib.parse, urllib.request
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


class TokenFile:
    """The token of a file. It is read for each call, so a renewed token is used at once."""

    def __init__(self, file):
        self.file = file

    def token(self):
        with open(self.file) as file:
            return file.read().strip()

    def invalidate(self):
        """Notes that a server refuses the last token."""


class IssuedTokens:
    """Tokens of an OpenID provider for a program, by its client credentials. Each is used for the first 80 % of its time."""

    def __init__(self, url, client_id, secret_file, scope=""):
        self.url, self.client_id, self.secret_file, self.scope = url, client_id, secret_file, scope
        self.lock, self.last, self.renew_at = threading.Lock(), "", 0.0

    def token(self):
        with self.lock:  # calls that wait share one renewal
            if time.monotonic() >= self.renew_at:
                self.renew()
            return self.last

    def invalidate(self):
        self.renew_at = 0.0

    def renew(self):
        with open(self.secret_file) as file:
            secret = file.read().strip()
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": secret}
        if self.scope:
            form["scope"] = self.scope
        with urllib.request.urlopen(self.url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:
            issued = json.load(answer)
        self.last = issued["access_token"]
        self.renew_at = time.monotonic() + 0.8 * issued.get("expires_in", 60)


def is_expired(error):
    """Whether a server refuses the token because it has expired. The source of the tokens may have a newer one."""
    status, info = rpc_status.from_call(error), error_details_pb2.ErrorInfo()
    return any(packed.Unpack(info) and info.reason == "TOKEN_EXPIRED" for packed in (status.details if status else ()))


class Proof(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Sends a token with each call. A call whose token has expired is sent again with another one; a stream is resumed by its reader."""

    def __init__(self, tokens):
        self.tokens = tokens

    def intercept_unary_unary(self, call, details, request):
        answer = call(self.proved(details), request)
        if answer.code() == grpc.StatusCode.UNAUTHENTICATED and is_expired(answer):
            self.tokens.invalidate()
            answer = call(self.proved(details), request)
        return answer

    def intercept_unary_stream(self, call, details, request):
        return call(self.proved(details), request)

    def proved(self, details):
        token = ("authorization", f"Bearer {self.tokens.token()}")
        return details._replace(metadata=[*(details.metadata or ()), token])


def token_source():
    """Where the tokens come from; None where no variable names a source."""
    if "AFTERCALL_TOKEN_FILE" in os.environ:
        return TokenFile(os.environ["AFTERCALL_TOKEN_FILE"])
    if "AFTERCALL_TOKEN_URL" in os.environ:
        names = ("AFTERCALL_TOKEN_URL", "AFTERCALL_CLIENT_ID", "AFTERCALL_CLIENT_SECRET_FILE")
        return IssuedTokens(*(os.environ[name] for name in names), os.environ.get("AFTERCALL_SCOPE", ""))
    return None


def connect(address, options=(), tokens=None):
    """A channel to a server at `HOST:PORT` or `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS."""
    host, tokens = address.split("://")[-1], tokens or token_source()
    if address.startswith("https://"):
        ca = os.environ.get("AFTERCALL_CA_FILE")
        trusted = open(ca, "rb").read() if ca else None  # None: those of the system
        channel = grpc.secure_channel(host, grpc.ssl_channel_credentials(trusted), options)
    else:
        channel = grpc.insecure_channel(host, options)
    if not tokens:
        return channel
    if not address.startswith("https://") and host.rsplit(":", 1)[0] not in ("127.0.0.1", "[::1]", "localhost"):
        raise SystemExit(f"{address} is plain text on a network, where others could read the token: write https://{host}")
    return grpc.intercept_channel(channel, Proof(tokens))
