#!/usr/bin/env bash
# Installs loan-buddy on a Kind cluster.
set -Eeuo pipefail
trap 'exit 1' ERR # not with the code of the tool that failed

usage='usage: kind/up.sh [--name CLUSTER] [--config FILE] [--node-image IMAGE] [--build-arg NAME=VALUE]... [--dry-run]
Creates or reuses a Kind cluster, builds the images, loads them, installs the chart, waits, and checks that both services
respond through port-forward. Run it again after a change.
  --name        name of the cluster; default loan-buddy
  --config      file that describes a new cluster, as for kind create cluster; default kind/cluster.yaml
  --node-image  node image of a new cluster; by default, kind chooses it
  --build-arg   is passed on to docker build, such as a proxy; may be repeated
  --dry-run     prints the commands of a first run instead of running them'

wrong() {
  printf 'kind/up.sh: %s\n%s\n' "$1" "$usage" >&2
  exit 2
}

cluster=loan-buddy
config=kind/cluster.yaml
node_image=()
build_args=()
dry_run=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) echo "$usage" && exit ;;
    --dry-run) dry_run=1 && shift && continue ;;
    --name | --config | --node-image | --build-arg) [ -n "${2:-}" ] || wrong "$1 needs a value" ;;
    *) wrong "unknown argument $1" ;;
  esac
  case $1 in
    --name) cluster=$2 ;;
    --config) config=$(realpath "$2") ;;
    --node-image) node_image=(--image "$2") ;;
    --build-arg) build_args+=(--build-arg "$2") ;;
  esac
  shift 2
done
cd "$(dirname "$0")/.."

namespace=loan-buddy
release=loan-buddy
context=kind-$cluster
services=(offers confirm-payment)

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

kubectl=(kubectl --context "$context" --namespace "$namespace")

image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# Prints why the release is not ready: pods, the latest warnings, and the last lines of pods that crashed.
explain() {
  "${kubectl[@]}" get pods -o wide
  echo 'Warnings:'
  "${kubectl[@]}" get events --field-selector type=Warning --sort-by .lastTimestamp \
    -o custom-columns='OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message' | tail -n 15
  local pod
  for pod in $("${kubectl[@]}" get pods -o 'jsonpath={range .items[?(@.status.containerStatuses[0].restartCount>0)]}{.metadata.name} {end}'); do
    echo "Before its last restart, $pod printed:"
    "${kubectl[@]}" logs --previous --tail 5 "$pod" || true
  done
} >&2

in_use() { # in_use PORT: by any program on this machine
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || (exec 3<>"/dev/tcp/::1/$1") 2>/dev/null
}

free_port() { # free_port FIRST
  local port=$1
  while in_use "$port"; do port=$((port + 1)); done
  echo "$port"
}

forwarded() { # forwarded SERVICE PORT: whether the service responds through port-forward
  local pid log port result=1
  log=$(mktemp)
  "${kubectl[@]}" port-forward --address 127.0.0.1 "service/$release-$1" ":$2" >"$log" 2>/dev/null &
  pid=$!
  for _ in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || break
    # kubectl chooses a free port, and prints it once it listens.
    port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$log")
    [ -n "$port" ] && curl -fsS --noproxy '*' -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null && result=0 && break
    sleep 0.2
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm "$log"
  return "$result"
}

# Removes the images of earlier runs that no ReplicaSet needs for a rollback. crictl removes an image with all its tags,
# and a service that did not change has one image with several.
remove_old_images() {
  local needed node images keep name tag id
  needed=$("${kubectl[@]}" get replicasets -o 'jsonpath={.items[*].spec.template.spec.containers[*].image}')
  for node in $(kind get nodes --name "$cluster"); do
    images=$(docker exec "$node" crictl images | grep -E '^docker\.io/loan-buddy/' || true)
    [ -n "$images" ] || continue
    keep=
    while read -r name tag id _; do
      case " $needed " in *" ${name#docker.io/}:$tag "*) keep="$keep $id" ;; esac
    done <<<"$images"
    while read -r name tag id _; do
      case "$keep " in
        *" $id "*) ;;
        *) docker exec "$node" crictl rmi "$id" >/dev/null 2>&1 || true ;;
      esac
    done <<<"$images"
  done
}

if [ -z "$dry_run" ]; then
  for tool in docker kind kubectl helm openssl curl; do
    command -v "$tool" >/dev/null || fail "$tool is missing" 'Install it; docs/deploy.md links to it.'
  done
  docker info >/dev/null 2>&1 || fail 'Docker does not respond' 'Start it, and check your permissions: docker info'
fi

if quietly kubectl --context "$context" get nodes; then
  echo "reusing the cluster $cluster"
else
  run "If the cluster is broken, remove it: kind/down.sh --name $cluster" \
    kind create cluster --name "$cluster" --config "$config" ${node_image[@]+"${node_image[@]}"} --wait 120s
fi

# Attestations have the time of the build, so with them each build would be another image.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
for service in "${services[@]}"; do
  image=loan-buddy/$service:dev
  [ -z "$dry_run" ] && before=$(image_id "$image")
  run 'See the build output above; docker system df shows whether the disk is full.' \
    docker build ${build_args[@]+"${build_args[@]}"} --file "services/$service/Dockerfile" --tag "$image" .
  if [ -n "${before:-}" ] && [ "$before" != "$(image_id "$image")" ]; then
    docker rmi "$before" >/dev/null 2>&1 || true
  fi
done
# The tag depends on the content of both images, so an unchanged image is not rolled out.
tag=HASH
[ -z "$dry_run" ] && tag=$({ image_id loan-buddy/offers:dev && image_id loan-buddy/confirm-payment:dev; } | openssl dgst -sha256 -r | cut -c 1-12)
for service in "${services[@]}"; do
  run 'docker image ls shows the images.' docker tag "loan-buddy/$service:dev" "loan-buddy/$service:$tag"
  run "Create a new cluster: kind/down.sh --name $cluster, then kind/up.sh." \
    kind load docker-image --name "$cluster" "loan-buddy/$service:$tag"
  run 'docker image ls shows the images.' docker rmi "loan-buddy/$service:$tag"
done

quietly kubectl --context "$context" get namespace "$namespace" ||
  run "See kubectl --context $context get events." kubectl --context "$context" create namespace "$namespace"
run "See kubectl --context $context get namespaces." kubectl --context "$context" label namespace "$namespace" \
  pod-security.kubernetes.io/enforce=restricted --overwrite

if quietly "${kubectl[@]}" get secret loan-buddy-database; then
  echo 'keeping the Secret loan-buddy-database'
else
  printf '+ %s create secret generic loan-buddy-database\n' "${kubectl[*]}"
  if [ -z "$dry_run" ]; then
    # Generated once for this cluster, and never printed.
    password=$(openssl rand -hex 16)
    "${kubectl[@]}" create secret generic loan-buddy-database \
      --from-literal="password=$password" \
      --from-literal="url=postgres://loan_buddy:$password@$release-postgres:5432/loan_buddy" >/dev/null ||
      fail 'the Secret could not be created' "See ${kubectl[*]} get secrets."
  fi
fi

install=(helm upgrade --install "$release" helm/loan-buddy --kube-context "$context" --namespace "$namespace"
  --values helm/loan-buddy/values-kind.yaml --set-string "image.tag=$tag" --wait --timeout 5m)
printf '+ %s\n' "${install[*]}"
[ -z "$dry_run" ] || exit 0
"${install[@]}" || {
  explain || true
  fail 'the release is not ready; see above' "Logs: ${kubectl[*]} logs deployment/$release-offers"
}
remove_old_images

for service in offers:8080 confirm-payment:8000; do
  forwarded "${service%:*}" "${service#*:}" ||
    fail "${service%:*} does not respond through port-forward" "See ${kubectl[*]} get pods."
done
offers=$(free_port 8080)
confirm_payment=$(free_port 8000)

cat <<TEXT

loan-buddy runs on the cluster $cluster. Forward its ports, each in its own terminal:

  ${kubectl[*]} port-forward --address 127.0.0.1 service/$release-offers $offers:8080
  ${kubectl[*]} port-forward --address 127.0.0.1 service/$release-confirm-payment $confirm_payment:8000

Then:

  curl -X GET http://localhost:$offers/offers
  curl -X POST http://localhost:$offers/checkout -H "Content-Type: application/json" -d '{ "user_id": "cristina", "loan_id": "offer2" }'
  curl -X POST http://localhost:$confirm_payment/confirm-payment -H "Content-Type: application/json" -d '{ "order_id": "order-123", "amount": 12000, "status": "PENDING" }'

Or open http://localhost:$offers in a browser.

Or inside the cluster: helm test $release --kube-context $context -n $namespace --logs
Remove the cluster and its images: kind/down.sh$([ "$cluster" = loan-buddy ] || echo " --name $cluster")
TEXT
