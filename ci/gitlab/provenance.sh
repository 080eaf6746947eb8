#!/bin/sh
# provenance.sh NAME SHA256 BUILDER: SLSA provenance (v1) of an image that this job built, as a signed in-toto statement in a DSSE
# envelope, on standard output. A job of GitLab runs it right after the push of the image.
#
#   ci/gitlab/provenance.sh registry.example.com/prod/app "$digest" https://gitlab.example.com/-/runners/42 >provenance-app.intoto.jsonl
#
# SECGATE_BUILDER_KEY, a protected variable of the type file: the private key of the builder, ECDSA P-256 in PEM. The policy's
# `keys: builder` is its public half: openssl pkey -in builder.key -pubout -out .secgate/keys/builder.pub
# It must not be the key that signs verdicts: who builds does not decide. Needs jq and openssl.
set -eu
if [ -n "${CI_COMMIT_TAG:-}" ]; then ref=refs/tags/$CI_COMMIT_TAG; else ref=refs/heads/$CI_COMMIT_BRANCH; fi
statement=$(jq -cn --arg name "$1" --arg sha256 "${2#sha256:}" --arg builder "$3" --arg url "$CI_PROJECT_URL" --arg ref "$ref" \
  --arg commit "$CI_COMMIT_SHA" --arg job "${CI_JOB_URL:-}" '{
    _type: "https://in-toto.io/Statement/v1",
    subject: [{name: $name, digest: {sha256: $sha256}}],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://docs.gitlab.com/ci/",
        externalParameters: {repository: $url, ref: $ref},
        resolvedDependencies: [{uri: "git+\($url)@\($ref)", digest: {gitCommit: $commit}}]
      },
      runDetails: {builder: {id: $builder}, metadata: {invocationId: $job}}
    }
  }')
type=application/vnd.in-toto+json
length=$(printf %s "$statement" | wc -c | tr -d ' ')
# DSSE signs its pre-authentication encoding, not the statement alone.
signature=$(printf 'DSSEv1 %s %s %s %s' "${#type}" "$type" "$length" "$statement" |
  openssl dgst -sha256 -sign "$SECGATE_BUILDER_KEY" | base64 | tr -d '\n')
payload=$(printf %s "$statement" | base64 | tr -d '\n')
jq -cn --arg type "$type" --arg payload "$payload" --arg signature "$signature" \
  '{payloadType: $type, payload: $payload, signatures: [{keyid: "", sig: $signature}]}'
