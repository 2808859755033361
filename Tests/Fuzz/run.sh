#!/usr/bin/env bash
# Builds the libFuzzer program and runs each target for so many seconds: run.sh [SECONDS] [TARGET …]
# Model, Codec, Protocol, Trust, Compression, what reads a pool's disk and the formats of Content are compiled with the fuzzer into one module,
# so that every branch of theirs is seen; libzstd, liblzma and zlib are those of the machine. Fails on a crash, and leaves the input that caused it in .build/fuzz.
# To look at one: AXLE_FUZZ=cbor .build/fuzz/fuzz FILE
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(frames cbor json metadata session pool patch chunks packed)
export SWIFT_BACKTRACE=enable=no
out=.build/fuzz
program=$out/fuzz
sources=(Sources/Model Sources/Codec Sources/Protocol Sources/Trust Sources/Storage/Format Sources/Compression)
libraries=(CZstd CXZ CZlib)
mkdir -p "$out"

if [ ! -x "$program" ] || [ -n "$(find "${sources[@]}" Sources/Content Tests/Fuzz Tests/TestSupport/JSONTree.swift -name '*.swift' -newer "$program" -print -quit)" ]; then
    echo "fuzz: building"
    rm -rf "$out/source"
    mkdir -p "$out/source"
    while read -r file; do
        # One module has no imports of its own parts.
        # One way to import the C library in all of the module.
        sed -E 's/^internal import Glibc$/import Glibc/; s/^((package|internal) )?import (Model|Codec|Protocol|Trust|Compression|Content|System)$/\/\/ one module/' "$file" \
            >"$out/source/$(basename "$(dirname "$file")")-$(basename "$file")"
    done < <(find "${sources[@]}" \
        Sources/Content/Deb Sources/System/NativeLock.swift \
        Sources/Content/{PatchHeader,ContentIdentity,ContentError,ContentLimits,CodecPump,PlainDecompressor}.swift \
        Sources/Content/Chunks/{Chunk*,Zstd*}.swift -name '*.swift')
    objects=()
    rm -rf "$out/modules"
    for library in "${libraries[@]}"; do
        mkdir -p "$out/modules/$library"
        printf 'module %s { header "%s" export * }\n' "$library" "$PWD/Sources/$library/include/$library.h" \
            >"$out/modules/$library/module.modulemap"
        clang -c -O -g -fsanitize=address "Sources/$library/$library.c" -I "Sources/$library/include" -o "$out/$library.o"
        objects+=("$out/$library.o" -I "$out/modules/$library")
    done
    if ! swiftc -O -swift-version 6 -package-name axle -module-name AxleFuzz -parse-as-library -use-ld=lld \
        -sanitize=fuzzer,address "$out"/source/*.swift Tests/Fuzz/*.swift Tests/TestSupport/JSONTree.swift "${objects[@]}" -o "$program" >"$out/build.log" 2>&1; then
        cat "$out/build.log"
        exit 1
    fi
fi

python3 Tests/Fuzz/seeds.py Tests/Golden/protocol "$out/seeds"
python3 Tests/Fuzz/metadata_seeds.py Tests/Golden/trust "$out/seeds/metadata"
mkdir -p "$out/seeds/json" "$out/seeds/pool"
for selector in '\x00' '\x80' '\x81' '\x82' '\x83' '\x04' '\x05'; do
    for magic in AXLEchnk AXLEindx AXLEmani AXLEsums; do
        { printf "$selector$magic\\x00\\x00\\x00\\x01"; head -c 120 /dev/zero; } >"$out/seeds/pool/$magic-${selector#?}"
    done
done
cp Tests/Golden/trust/*.json "$out/seeds/json/"
mkdir -p "$out/seeds/patch" "$out/seeds/chunks" "$out/seeds/packed"
cp Tests/Golden/content/*.chunks "$out/seeds/chunks/"
status=0
for target in "${targets[@]}"; do
    echo "fuzz: $target for $seconds s"
    mkdir -p "$out/corpus/$target"
    if ! AXLE_FUZZ=$target "$program" -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$out/$target-" \
        "$out/corpus/$target" "$out/seeds/$target" >"$out/$target.log" 2>&1; then
        tail -n 40 "$out/$target.log"
        echo "fuzz: $target failed; its input is in $out" >&2
        status=1
    fi
    grep -E "stat::(number_of_executed_units|peak_rss_mb)" "$out/$target.log" || true
done
exit "$status"
