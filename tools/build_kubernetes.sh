#!/bin/sh
# Builds a control plane for tests from its Go modules: tools/build_kubernetes.sh 1.33.0 FOLDER
# Some six minutes on two cores, once; 330 MB of binaries. Nothing but a Go proxy is asked.
set -eu
version=$1 minor=0.${1#1.}
mkdir -p "$2/source" "$2/bin"
cd "$2/source"

# Kubernetes replaces its own parts by folders beside it, which its module does not hold: here by their versions.
module=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
{
    printf 'module local/control-plane\n\ngo %s\n\n' "$(awk '$1 == "go" { print $2 }' "$module")"
    awk '$1 == "godebug" { print; print "" }' "$module"
    printf 'require (\n\tgo.etcd.io/etcd/server/v3 v3.5.21\n\tk8s.io/kubernetes v%s\n)\n\nreplace (\n' "$version"
    awk '/=> \.\/staging/ { print $1 }' "$module" | sort -u | sed "s/.*/\t& => & v$minor/"
    printf ')\n'
} > go.mod
commands="k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl
    k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler"
{
    printf '//go:build tools\n\npackage tools\n\nimport (\n\t_ "go.etcd.io/etcd/server/v3"\n'
    for command in $commands; do printf '\t_ "%s"\n' "$command"; done
    printf ')\n'
} > tools.go
go mod tidy

stamp=k8s.io/component-base/version
flags="-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$(echo "$version" | cut -d. -f2)"
export CGO_ENABLED=0
# shellcheck disable=SC2086  a list
go build -trimpath -ldflags "$flags" -o ../bin/ $commands
go build -trimpath -ldflags '-s -w' -o ../bin/etcd go.etcd.io/etcd/server/v3
# Plays the nodes: pods are said to run, and nothing does.
GOBIN=$(cd ../bin && pwd) go install -trimpath -ldflags '-s -w' sigs.k8s.io/kwok/cmd/kwok@v0.8.0
stages=$(go mod download -json sigs.k8s.io/kwok@v0.8.0 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/kustomize/stage
mkdir -p ../stages
cp "$stages"/node/fast/node-initialize.yaml "$stages"/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
    "$stages"/pod/fast/pod-*.yaml ../stages/
