#!/usr/bin/env bash
# Runs inside `redistopo run`, with the topology's variables: hands them to the job's later steps.
set -euo pipefail

redistopo env --dir "$REDISTOPO_DIR" --format github --prefix "$IN_ENV_PREFIX"

nodes=${REDIS_CLUSTER_NODES:-}
if [ -z "$nodes" ]; then
    for port in $(redistopo port primary --dir "$REDISTOPO_DIR") \
        $(redistopo port replica --dir "$REDISTOPO_DIR" 2> /dev/null || true); do
        nodes+="${nodes:+,}$REDIS_HOST:$port"
    done
fi
{
    echo "url=$REDIS_URL"
    echo "password=${REDIS_PASSWORD:-}"
    echo "nodes=$nodes"
    echo "dir=$REDISTOPO_DIR"
} >> "$GITHUB_OUTPUT"
