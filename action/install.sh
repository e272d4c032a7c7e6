#!/usr/bin/env bash
# Installs redistopo and a server into an environment of its own, once per job.
set -euo pipefail

home="$RUNNER_TEMP/redistopo"
if [ ! -x "$home/bin/redistopo" ]; then
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "::error::redistopo needs Python 3.11 or newer; add a step with actions/setup-python before it"
        exit 1
    fi
    python3 -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH[bundled]"
fi

# Only the command itself: the job's own python and pip stay first on PATH.
mkdir -p "$home/command"
ln -sf "$home/bin/redistopo" "$home/command/redistopo"
echo "$home/command" >> "$GITHUB_PATH"
