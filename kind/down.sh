#!/usr/bin/env bash
# Removes the Kind cluster of kind/up.sh, including all orders.
set -euo pipefail

usage='usage: kind/down.sh
Removes the Kind cluster loan-buddy with all its orders. Does nothing if there is none.'
case ${1:-} in
  -h | --help) echo "$usage" && exit ;;
  '') ;;
  *) printf 'kind/down.sh: unknown argument %s\n%s\n' "$1" "$usage" >&2 && exit 2 ;;
esac

command -v kind >/dev/null || {
  printf 'kind/down.sh: kind is missing\n  Install it; docs/deploy.md links to it.\n' >&2
  exit 1
}
kind delete cluster --name loan-buddy
