#!/usr/bin/env bash
# Removes the Kind cluster of kind/up.sh, including all orders, and the images.
set -euo pipefail
trap 'exit 1' ERR # not with the code of the tool that failed

usage='usage: kind/down.sh [--name CLUSTER]
Removes the Kind cluster (default loan-buddy) with all its orders, and the images that kind/up.sh built. Does nothing if
there are none.'

wrong() {
  printf 'kind/down.sh: %s\n%s\n' "$1" "$usage" >&2
  exit 2
}

cluster=loan-buddy
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) echo "$usage" && exit ;;
    --name) [ -n "${2:-}" ] || wrong '--name needs a value' ;;
    *) wrong "unknown argument $1" ;;
  esac
  cluster=$2
  shift 2
done

for tool in kind docker; do
  command -v "$tool" >/dev/null || {
    printf 'kind/down.sh: %s is missing\n  Install it; docs/deploy.md links to it.\n' "$tool" >&2
    exit 1
  }
done
kind delete cluster --name "$cluster"
for service in offers confirm-payment; do
  docker image ls --format '{{.Repository}}:{{.Tag}}' "loan-buddy/$service" | while read -r image; do
    docker rmi "$image" >/dev/null 2>&1 || echo "keeping the image $image, which a container uses"
  done
done
