#!/bin/sh
# Stands where the three jq counts stood: same working directory, same file names, same last line, same exit code 1.
# The program is $SECGATE if that is set, else ./ci/bin/secgate, else secgate from PATH. It is asked for its name first,
# because a shell takes an empty or broken file for a script that does nothing and succeeds.
if [ -n "${SECGATE:-}" ]; then
  program=$SECGATE
elif [ -f ./ci/bin/secgate ] && [ -x ./ci/bin/secgate ]; then
  program=./ci/bin/secgate
else
  program=secgate
fi
path=$(command -v -- "$program") && [ -f "$path" ] && [ -x "$path" ] &&
  case $("$path" --version 2>/dev/null) in "secgate "*) exec "$path" check --policy security_gate "$@" ;; esac
echo "security_gate.sh: '$program' is not a secgate that runs here: set SECGATE to its path, put it into ./ci/bin, or install it into PATH" >&2
exit 2
