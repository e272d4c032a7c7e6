#!/usr/bin/env bash
# Starts the topology that the inputs (IN_...) describe, and leaves it running for the job.
set -euo pipefail

fail() {
    echo "::error::$1"
    exit 1
}

case "$IN_SHAPE" in
    cluster | replication | sentinel | standalone) ;;
    *) fail "shape must be cluster, replication, sentinel or standalone" ;;
esac

case "$IN_ENV_PREFIX" in
    [0-9]* | *[!A-Za-z0-9_]*) fail "env-prefix must begin the name of a variable, such as SHOP_" ;;
esac

options=(--timeout 120s)
[ -z "$IN_SHARDS" ] || options+=("--shards=$IN_SHARDS")
[ -z "$IN_REPLICAS" ] || options+=("--replicas=$IN_REPLICAS")
[ -z "$IN_ENGINE" ] || options+=("--engine=$IN_ENGINE")
for flag in tls acl; do
    name=IN_$(printf '%s' "$flag" | tr '[:lower:]' '[:upper:]')
    case "${!name}" in
        true) options+=("--$flag") ;;
        false | "") ;;
        *) fail "$flag must be true or false" ;;
    esac
done
words=$(printf '%s' "$IN_ARGS" | xargs -n 1 printf '%s\n') || fail "args can't be split into words"
while IFS= read -r word; do
    [ -z "$word" ] || options+=("$word")
done <<< "$words"

start() {
    redistopo run "$IN_SHAPE" "${options[@]}" --keep -- bash "$GITHUB_ACTION_PATH/action/publish.sh"
}

# System packages need root; runners that have sudo ask for no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo env "PATH=$PATH" "$@"; fi
}

# A server as requested, with TLS if requested; pip's servers have none.
install_server() {
    local wanted=()
    [ -z "$IN_ENGINE" ] || wanted=(--engine "$IN_ENGINE")
    if [ "$IN_TLS" != true ] && redistopo install ${wanted[@]+"${wanted[@]}"} --yes; then return; fi
    if [ "$(uname)" = Darwin ]; then redistopo install --with brew --yes; return; fi
    as_root redistopo install ${wanted[@]+"${wanted[@]}"} --with apt --yes
}

PATH="$RUNNER_TEMP/redistopo/command:$PATH"
code=0
start || code=$?
if [ "$code" -eq 4 ]; then # this machine lacks something
    install_server
    code=0
    start || code=$?
fi
exit "$code"
