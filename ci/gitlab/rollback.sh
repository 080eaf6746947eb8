#!/bin/sh
# rollback.sh ENVIRONMENT TESTED_AT: what `rollback.json` of the production gate holds, from the last successful deployment to the
# environment, on standard output. TESTED_AT is when somebody last rolled back to a release (RFC 3339): a fact of yours, kept where
# you keep it, such as a variable of the environment. The digest is read from the verdict of the production gate that let that
# deployment pass, which production.yml keeps in the project's packages.
#
#   ci/gitlab/rollback.sh production "$ROLLBACK_TESTED_AT" >rollback.json
#
# SECGATE_API_TOKEN as in production.yml. Needs curl and jq.
set -eu
project=$CI_API_V4_URL/projects/$CI_PROJECT_ID
commit=$(curl --fail --silent --show-error --max-time 60 --header "PRIVATE-TOKEN: $SECGATE_API_TOKEN" \
  "$project/deployments?environment=$1&status=success&order_by=id&sort=desc&per_page=1" | jq -r '.[0].sha // empty')
digest=
if [ -n "$commit" ]; then
  verdict=$(curl --fail --silent --show-error --max-time 60 --location --header "JOB-TOKEN: $CI_JOB_TOKEN" \
    "$project/packages/generic/secgate/$commit/production.intoto.jsonl" | sed -n 1p) || verdict=
  digest=$(printf %s "$verdict" | jq -r '.payload | @base64d | fromjson | .subject[]?.digest.sha256 // empty' | sed -n 1p)
fi
# Without a digest there is nothing to go back to, and the gate says so.
jq -n --arg digest "${digest:+sha256:$digest}" --arg at "$2" \
  '{ready: ($digest != ""), tested_at: $at} + if $digest == "" then {} else {previous_digest: $digest} end'
