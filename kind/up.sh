#!/usr/bin/env bash
# Installs loan-buddy on a Kind cluster.
set -euo pipefail

usage='usage: kind/up.sh [--dry-run]
Creates or reuses the Kind cluster loan-buddy, builds the images, loads them, installs the chart and waits.
Run it again after a change.
  --dry-run   prints the commands instead of running them'
dry_run=
case ${1:-} in
  -h | --help) echo "$usage" && exit ;;
  --dry-run) dry_run=1 ;;
  '') ;;
  *) printf 'kind/up.sh: unknown argument %s\n%s\n' "$1" "$usage" >&2 && exit 2 ;;
esac
cd "$(dirname "$0")/.."

cluster=loan-buddy
namespace=loan-buddy
release=loan-buddy
context=kind-$cluster

fail() { # fail WHAT WHAT_TO_DO
  printf 'kind/up.sh: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

run() { # run WHAT_TO_DO_IF_IT_FAILS COMMAND...
  local remedy=$1
  shift
  printf '+ %s\n' "$*"
  [ -n "$dry_run" ] && return 0
  "$@" || fail "this failed: $*" "$remedy"
}

quietly() { # returns whether a read-only command succeeds; in a dry run, it never does
  [ -z "$dry_run" ] && "$@" >/dev/null 2>&1
}

if [ -z "$dry_run" ]; then
  for tool in docker kind kubectl helm openssl; do
    command -v "$tool" >/dev/null || fail "$tool is missing" 'Install it; docs/deploy.md links to it.'
  done
  docker info >/dev/null 2>&1 || fail 'Docker does not respond' 'Start it, and check your permissions: docker info'
fi

if quietly kubectl --context "$context" get nodes; then
  echo "reusing the cluster $cluster"
else
  run 'If the cluster is broken, remove it with kind/down.sh.' kind create cluster --config kind/cluster.yaml --wait 120s
fi

# The tag depends on the content of both images, so an unchanged image is not rolled out.
for service in offers confirm-payment; do
  run 'See the build output above; docker system df shows whether the disk is full.' \
    docker build --file "services/$service/Dockerfile" --tag "loan-buddy/$service:dev" .
done
tag=dev
if [ -z "$dry_run" ]; then
  tag=$(docker image inspect --format '{{.Id}}' loan-buddy/offers:dev loan-buddy/confirm-payment:dev | sha256sum | cut -c 1-12)
fi
for service in offers confirm-payment; do
  run 'docker images lists the images.' docker tag "loan-buddy/$service:dev" "loan-buddy/$service:$tag"
  run 'Create a new cluster: kind/down.sh, then kind/up.sh.' \
    kind load docker-image --name "$cluster" "loan-buddy/$service:$tag"
done

quietly kubectl --context "$context" get namespace "$namespace" ||
  run "See kubectl --context $context get events." kubectl --context "$context" create namespace "$namespace"

if quietly kubectl --context "$context" -n "$namespace" get secret loan-buddy-database; then
  echo 'keeping the Secret loan-buddy-database'
else
  password=random
  [ -z "$dry_run" ] && password=$(openssl rand -hex 16)
  # Generated once for this cluster, and never printed.
  printf '+ kubectl -n %s create secret generic loan-buddy-database\n' "$namespace"
  if [ -z "$dry_run" ]; then
    kubectl --context "$context" -n "$namespace" create secret generic loan-buddy-database \
      --from-literal="password=$password" \
      --from-literal="url=postgres://loan_buddy:$password@$release-postgres:5432/loan_buddy" >/dev/null ||
      fail 'the Secret could not be created' "See kubectl --context $context -n $namespace get secrets."
  fi
fi

run "kubectl --context $context -n $namespace get pods,events; logs: kubectl … logs deployment/$release-offers" \
  helm upgrade --install "$release" helm/loan-buddy --kube-context "$context" --namespace "$namespace" \
  --values helm/loan-buddy/values-kind.yaml --set "image.tag=$tag" --wait --timeout 5m

cat <<TEXT

loan-buddy runs on the cluster $cluster. Forward its ports, each in its own terminal:

  kubectl --context $context -n $namespace port-forward service/$release-offers 8080:8080
  kubectl --context $context -n $namespace port-forward service/$release-confirm-payment 8000:8000

Then:

  curl -X GET http://localhost:8080/offers
  curl -X POST http://localhost:8080/checkout -H "Content-Type: application/json" -d '{ "user_id": "cristina", "loan_id": "offer2" }'
  curl -X POST http://localhost:8000/confirm-payment -H "Content-Type: application/json" -d '{ "order_id": "order-123", "amount": 12000, "status": "PENDING" }'

Or inside the cluster: helm test $release --kube-context $context -n $namespace --logs
Remove the cluster: kind/down.sh
TEXT
