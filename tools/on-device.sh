#!/usr/bin/env bash
# Proves the CUDA backend on a machine with an NVIDIA driver and nothing else: no .NET, no CUDA toolkit. docs/on-device.md explains it.
#   tools/on-device.sh pack [RUNTIME]    where the .NET SDK is: makes artifacts/on-device-RUNTIME.tar.gz [linux-x64]
#   ./on-device.sh run [OPTIONS]         where the card is, in the unpacked folder: runs every check, then prints one table
#     --minutes N           all of it ends within so long; the most valuable parts come first, what does not fit is cut [60]
#     --device cuda|sim     the card, or the software GPU at reduced sizes [cuda]
#     --output FOLDER       for logs and results; what is finished there is not run again [on-device-results]
#     --only PARTS          some of the parts, with commas: smoke,tests.norms,steps [all]
#     --python PYTHON       a Python with torch, for the comparison [python3]
#   ./on-device.sh summary FOLDER        the table of what is there, also while it runs
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "on-device: $1" >&2
    exit 2
}

pack() {
    local runtime="${1:-linux-x64}" root="$here/.."
    local folder="$root/artifacts/on-device-$runtime"
    command -v dotnet > /dev/null || fail "the .NET SDK is needed to pack."
    rm -rf "$folder"
    dotnet publish "$root/tools/OnDevice" -c Release -r "$runtime" --self-contained -p:DebugType=none -p:RunAnalyzers=false \
        -o "$folder/bin" -v quiet || exit 1
    # Comments for editors, what debuggers want, the parts of the program as programs of their own.
    rm -f "$folder"/bin/*.xml "$folder"/bin/createdump \
        "$folder"/bin/{perturbed-forgetting,DeviceBenchmark,PerturbedForgetting.Tests}{,.deps.json,.runtimeconfig.json}
    cp "$here/on-device.sh" "$here/on_device_torch.py" "$root/LICENSE" "$folder"
    tar -C "$root/artifacts" -czf "$folder.tar.gz" "on-device-$runtime"
    local packed=$(($(wc -c < "$folder.tar.gz") / 1000000)) unpacked
    unpacked=$(du -sm "$folder" | cut -f1)
    echo "$(cd "$root/artifacts" && pwd)/on-device-$runtime.tar.gz: $packed MB; unpacked $unpacked MB"
}

# The parts are processes of this program, which plans them: tools/DeviceBenchmark/Checklist.
program() {
    local program="$here/bin/OnDevice"
    [ -x "$program" ] || program="$here/../artifacts/on-device-linux-x64/bin/OnDevice"
    [ -x "$program" ] || fail "there is no packed program; run 'tools/on-device.sh pack' where the .NET SDK is, and unpack it here."
    echo "$program"
}

case "${1:-}" in
    pack) shift && pack "$@" ;;
    run) shift && packed="$(program)" && exec "$packed" run --program "$packed" "$@" ;;
    summary) shift && packed="$(program)" && exec "$packed" summary "$@" ;;
    *) usage ;;
esac
