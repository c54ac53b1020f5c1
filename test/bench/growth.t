#!/usr/bin/env bash
# No cost grows faster than what it is for: growth.sh, but for what has a clock.
exec "$(dirname "${BASH_SOURCE[0]}")/growth.sh" tap
