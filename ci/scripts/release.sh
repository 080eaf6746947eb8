#!/usr/bin/env bash
# Packs what is released: release.sh BINARY FOLDER
#
# FOLDER gets secgate-VERSION-TARGET.tar.gz with the binary, completions for bash, fish and zsh and a manual page for each
# subcommand, both made by that binary, so that they fit it; and SHA256SUMS. The same commit and binary give the same bytes.
set -euo pipefail

[ $# = 2 ] || { echo "usage: $0 BINARY FOLDER" >&2; exit 2; }
binary=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=${TARGET:-x86_64-unknown-linux-musl}
version=$("$binary" --version | cut -d ' ' -f 2)
if [ -n "${CI_COMMIT_TAG:-}" ] && [ "${CI_COMMIT_TAG#v}" != "$version" ]; then
  echo "the tag is $CI_COMMIT_TAG, and the binary says $version" >&2
  exit 1
fi
# The time of the commit stands in the archive, not that of the build.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
name=secgate-$version-$target

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/$name
mkdir -p "$root/completions" "$root/man"
install -m 755 "$binary" "$root/secgate"
install -m 644 README.md CHANGELOG.md LICENSE "$root"
"$binary" completions bash >"$root/completions/secgate.bash"
"$binary" completions fish >"$root/completions/secgate.fish"
"$binary" completions zsh >"$root/completions/_secgate"
"$binary" man --output "$root/man"
chmod -R u=rwX,go=rX "$root"

tar --create --directory "$scratch" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" "$name" |
  gzip --no-name --best >"$folder/$name.tar.gz"
(cd "$folder" && sha256sum "$name.tar.gz" >SHA256SUMS)
echo "$folder/$name.tar.gz"
