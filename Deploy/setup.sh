#!/usr/bin/env bash
# Installs what Axle's build, tests and benchmarks need from Debian and PyPI: setup.sh build|test|bench|replication|powercut|conformance …
# Quick where nothing is missing; says clearly what it cannot get. Of these a hub needs tzdata to run.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A packages=(
    [build]="libssl-dev libsqlite3-dev make git binutils"
    [test]="gcc libc6-dev python3 python3-venv python3-pip openssl curl zstd xz-utils procps util-linux tzdata"
    [bench]="nginx-light curl"
    [replication]="nginx-light curl casync rsync stunnel4 zstd xz-utils openssl iproute2 util-linux python3-pip"
    [powercut]="user-mode-linux e2fsprogs"
    [slowlink]="user-mode-linux procps iproute2 nginx-light curl"
    [conformance]="python3 python3-venv python3-pip faketime"
)

say() { printf 'setup: %s\n' "$*" >&2; }

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build test)

# The one thing that no Debian package provides.
if ! command -v swift >/dev/null 2>&1; then
    say "no Swift toolchain on the PATH. Install Swift 6.2 or later from https://www.swift.org/install/linux/ and run this again."
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
if [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != 6.2 ]; then
    say "Swift $version is too old: 6.2 or later is needed, from https://www.swift.org/install/linux/."
    exit 1
fi

missing=()
for group in "${groups[@]}"; do
    for package in ${packages[$group]:?"setup: unknown group $group"}; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            say "missing Debian packages. As root: apt-get update && apt-get install ${missing[*]}"
            exit 1
        fi
        as_root=(sudo -n)
    fi
    say "installing from Debian: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    "${as_root[@]}" apt-get update -qq || say "apt-get update failed; trying with the lists that are there"
    if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
        say "could not install: ${missing[*]}. Install them by hand and run this again."
        exit 1
    fi
fi

# Python tools of the tests live in the checkout's own environment, made anew when the list changes.
case " ${groups[*]} " in *" test "*)
    stamp=.venv/requirements.sha256
    wanted=$(sha256sum <Tests/requirements.txt)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "making .venv from Tests/requirements.txt"
        rm -rf .venv
        python3 -m venv .venv
        if ! .venv/bin/python3 -m pip install -q --disable-pip-version-check -r Tests/requirements.txt; then
            rm -rf .venv
            say "PyPI could not be reached or lacks a package of Tests/requirements.txt; the tests need them."
            exit 1
        fi
        printf '%s\n' "$wanted" >"$stamp"
    fi ;;
esac
