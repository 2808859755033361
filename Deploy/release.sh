#!/usr/bin/env bash
# Builds the programs with a static Swift runtime, strips them into dist/, and prints size and needed libraries.
# Fails where the spoke or the agent is larger than 16 MiB, the hub larger than 25 MB, or a program links more than it may.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build/release-static
programs=(axle-hub axle-spoke axle-agent axle axle-tuf)
mkdir -p dist
# The toolchain's own lld: relocations in their short form (glibc 2.36), equal functions once, and no symbol offered to others,
# so that what nobody calls can go. Two megabytes for each program.
linking=(
    -Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker --icf=safe -Xlinker -O2 -Xlinker --no-export-dynamic
    -Xlinker -z -Xlinker pack-relative-relocs)
for program in "${programs[@]}"; do
    swift build -c release --scratch-path "$scratch" --static-swift-stdlib --product "$program" "${linking[@]}"
    strip -o "dist/$program" "$scratch/release/$program"
done

status=0
printf '%-12s %10s  %s\n' program bytes needs
for program in "${programs[@]}"; do
    size=$(stat -c %s "dist/$program")
    needs=$(readelf -d "dist/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
    printf '%-12s %10d  %s\n' "$program" "$size" "$needs"
    # With nothing around it but the libraries above.
    if ! env -i "dist/$program" --version >/dev/null && ! env -i "dist/$program" --help >/dev/null; then
        echo "release: $program does not start" >&2
        status=1
    fi
    case $program in axle-spoke | axle-agent)
        if [ "$size" -gt 16777216 ]; then
            echo "release: $program is larger than 16 MiB" >&2
            status=1
        fi
        ;;
    axle-hub)
        if [ "$size" -gt 25000000 ]; then
            echo "release: $program is larger than 25 MB" >&2
            status=1
        fi
        ;;
    esac
    # No program has Foundation.
    if grep -qE 'libcurl|libFoundation|libxml' <<<"$needs" || grep -qE 'FoundationEssentials|FoundationInternationalization' "dist/$program"; then
        echo "release: $program links more than it may" >&2
        status=1
    fi
done
exit $status
