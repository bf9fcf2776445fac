"""A provider of id tokens on a free port. Prints its address and a token for Ann, and runs until
its stdin ends."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from oidc_provider_mock import run_server_in_thread
from oidc_provider_mock._storage import User

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def post(url, fields):
    data = urllib.parse.urlencode(fields).encode()
    try:
        answer = urllib.request.build_opener(NoRedirect).open(url, data)
    except urllib.error.HTTPError as redirect:
        answer = redirect
    return answer.headers.get("location"), answer.read()


ann = User(sub="u-1", claims={"name": "Ann", "realm_access": {"roles": ["calls-agent"]}, "groups": ["/billing"]})
with run_server_in_thread(user_claims=[ann]) as server:
    issuer = f"http://localhost:{server.server_port}"
    back = "http://localhost/back"
    query = {"response_type": "code", "client_id": "aftercall", "redirect_uri": back, "scope": "openid profile"}
    location, _ = post(f"{issuer}/oauth2/authorize?{urllib.parse.urlencode(query)}", {"sub": "u-1"})
    code = urllib.parse.parse_qs(urllib.parse.urlparse(location).query)["code"][0]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    _, body = post(f"{issuer}/oauth2/token", fields | {"client_id": "aftercall", "client_secret": "any"})
    print(issuer, json.loads(body)["id_token"], flush=True)
    sys.stdin.read()
