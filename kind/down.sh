#!/usr/bin/env bash
# Removes the Kind cluster that kind/up.sh made, with all orders in it. Nothing happens where there is none.
set -euo pipefail

command -v kind >/dev/null || {
  printf 'kind/down.sh: kind is missing\n  Install it; docs/deploy.md says where it is found.\n' >&2
  exit 1
}
kind delete cluster --name loan-buddy
