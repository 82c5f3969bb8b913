#!/bin/sh
# What `make demo` runs: an analysis, a question, a follow-up in the same session, and how to see the evidence.
set -eu

handbook="$(dirname "$0")/station-handbook.pdf"

echo "$ readroom analyze station-handbook.pdf"
readroom analyze "$handbook"

echo
echo '$ readroom ask station-handbook.pdf "What should the crew do if a battery container is smoking?"'
readroom ask "$handbook" "What should the crew do if a battery container is smoking?"

echo
echo '$ readroom ask --continue "And for how long is the compound watched afterwards?"'
readroom ask --continue "And for how long is the compound watched afterwards?"

echo
echo "Every quote on its page, in the browser:"
echo "$(command -v readroom) view"
