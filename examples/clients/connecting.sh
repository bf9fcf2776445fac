# How the shell examples reach a server: plain text or TLS, and with a token that proves who is asking.
# AFTERCALL_CA_FILE names a private certificate authority, AFTERCALL_TOKEN_FILE a file with the token.

# Calls a method of the workflow-server with grpcurl: `ask METHOD JSON`. grpcurl takes the token from a variable, because others can read
# the arguments of a process.
ask() {
  server="${AFTERCALL_SERVER:-127.0.0.1:7401}"
  case "$server" in
    https://*) set -- "$1" "$2" ${AFTERCALL_CA_FILE:+-cacert "$AFTERCALL_CA_FILE"} ;;
    *) set -- "$1" "$2" -plaintext ;;
  esac
  method="$1" json="$2"
  shift 2
  if [ -n "${AFTERCALL_TOKEN_FILE:-}" ]; then
    AFTERCALL_TOKEN="$(cat "$AFTERCALL_TOKEN_FILE")" \
      grpcurl "$@" -expand-headers -H 'authorization: Bearer ${AFTERCALL_TOKEN}' -d "$json" "${server#*://}" "$method"
  else
    grpcurl "$@" -d "$json" "${server#*://}" "$method"
  fi
}
