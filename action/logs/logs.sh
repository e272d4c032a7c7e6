#!/usr/bin/env bash
# Prints what a failed job needs to be understood; never fails itself.
set -uo pipefail

dir=${IN_DIR:-${REDISTOPO_DIR:-}}
if [ -z "$dir" ]; then
    echo "No topology was started: REDISTOPO_DIR is not set."
    exit 0
fi
# Nothing that a server logs is a command for the runner.
end="redistopo-$RANDOM$RANDOM$RANDOM"
echo "::group::Redis topology in $dir"
echo "::stop-commands::$end"
redistopo status --dir "$dir"
redistopo verify --dir "$dir"
echo "::$end::"
echo "::endgroup::"
echo "::group::Redis servers' logs"
echo "::stop-commands::$end"
redistopo logs --dir "$dir" --tail "$IN_TAIL"
echo "::$end::"
echo "::endgroup::"
exit 0
