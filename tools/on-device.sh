#!/usr/bin/env bash
# Proves the CUDA backend on a machine with an NVIDIA driver and nothing else: no .NET, no CUDA toolkit. docs/on-device.md explains it.
#   tools/on-device.sh pack [RUNTIME]    where the .NET SDK is: makes artifacts/on-device-RUNTIME.tar.gz [linux-x64]
#   ./on-device.sh run [OPTIONS]         where the card is, in the unpacked folder: runs every check, then prints one table
#     --device cuda|sim     the card, or the software GPU at reduced sizes [cuda]
#     --output FOLDER       for logs and on-device.json [on-device-results]
#     --python PYTHON       a Python with torch, for the comparison [python3]
#     --only PARTS          of devices,tests,sanitizer,losses,kernels,steps,torch, with commas [all]
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
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
    dotnet publish "$root/tools/OnDevice" -c Release -r "$runtime" --self-contained -p:DebugType=none -o "$folder/bin" -v quiet || exit 1
    # Comments for editors, what debuggers want, the parts of the program as programs of their own.
    rm -f "$folder"/bin/*.xml "$folder"/bin/createdump \
        "$folder"/bin/{perturbed-forgetting,DeviceBenchmark,PerturbedForgetting.Tests}{,.deps.json,.runtimeconfig.json}
    cp "$here/on-device.sh" "$here/on_device_torch.py" "$root/LICENSE" "$folder"
    tar -C "$root/artifacts" -czf "$folder.tar.gz" "on-device-$runtime"
    local packed=$(($(wc -c < "$folder.tar.gz") / 1000000)) unpacked
    unpacked=$(du -sm "$folder" | cut -f1)
    echo "$(cd "$root/artifacts" && pwd)/on-device-$runtime.tar.gz: $packed MB; unpacked $unpacked MB"
}

# part NAME LIMIT COMMAND...: runs a part for at most LIMIT seconds; what happens in it stops no other part.
part() {
    local name="$1" limit="$2" start=$SECONDS code=0
    shift 2
    is_wanted "$name" || return 0
    echo "== $name"
    # In the foreground, so that Ctrl-C reaches it.
    timeout --foreground --kill-after=30 "$limit" "$@" 2>&1 | tee "$output/$name.log"
    code=${PIPESTATUS[0]}
    printf '%s\t%s\t%s\n' "$name" "$code" "$((SECONDS - start))" >> "$output/parts.tsv"
}

leave_out() {
    is_wanted "$1" || return 0
    echo "== $1: left out, $2"
    printf '%s\t-\t%s\n' "$1" "$2" >> "$output/parts.tsv"
}

is_wanted() {
    [ -z "$only" ] || case ",$only," in *",$1,"*) true ;; *) false ;; esac
}

run() {
    device=cuda output=on-device-results python=python3 only=""
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || usage
        case "$1" in
            --device) device="$2" ;;
            --output) output="$2" ;;
            --python) python="$2" ;;
            --only) only="$2" ;;
            *) usage ;;
        esac
        shift 2
    done
    case "$device" in cuda | sim) ;; *) fail "--device is 'cuda' or 'sim', not '$device'." ;; esac
    program="$here/bin/OnDevice"
    [ -x "$program" ] || program="$here/../artifacts/on-device-linux-x64/bin/OnDevice"
    [ -x "$program" ] || fail "there is no packed program; run 'tools/on-device.sh pack' where the .NET SDK is, and unpack it here."
    mkdir -p "$output" && rm -f "$output"/*.json "$output"/*.log "$output"/*.tsv || fail "cannot write to '$output'."

    part devices 120 "$program" cli devices --verbose
    local card
    card="$(sed -n "/^$device/,/^[^ ]/s/^  processor  *//p" "$output/devices.log" 2> /dev/null | head -n 1)"
    printf 'card\t%s\ndate\t%s\n' "${card:-$device}" "$(date -u +%Y-%m-%dT%H:%MZ)" > "$output/machine.tsv"

    # Fixtures that run on several devices have the device's name as their argument. The software GPU takes the kernels'
    # and the catalogue's only.
    local suite='\("cuda"\)'
    local few='(Operation|LayerNorm|Softmax|BatchNorm|Attention|Pooling|Gemm|Im2Col'
    few+="|Pass|Update|Reduction|CrossEntropy|OutputBiasForget)Tests$suite"
    [ "$device" = cuda ] || suite='(Cuda\.Kernels\..*|OpsTests\.OperationTests)\("sim"\)'
    part tests 3600 "$program" tests --filter "$suite" --json "$output/tests.json"
    if [ "$device" = sim ]; then
        leave_out sanitizer "the software GPU checks every access itself"
    elif command -v compute-sanitizer > /dev/null; then
        part sanitizer 3600 compute-sanitizer --error-exitcode 9 "$program" tests --filter "$few" --json "$output/sanitizer.json"
    else
        leave_out sanitizer "compute-sanitizer is not on the PATH"
    fi
    part losses 3600 "$program" losses --device "$device" --json "$output/losses.json"
    part kernels 1800 "$program" cli kernels profile --device "$device" --launches "$([ "$device" = sim ] && echo 1 || echo 50)" \
        --output "$output/kernels.json"
    part steps 3600 "$program" steps --device "$device" --json "$output/steps.json"
    if ! "$python" -c 'import torch; torch.nn.functional.scaled_dot_product_attention' 2> /dev/null; then
        leave_out torch "'$python' has no torch 2.1 or newer"
    elif [ "$device" = sim ]; then
        part torch 600 "$python" "$here/on_device_torch.py" --device cpu --small --json "$output/torch.json"
    else
        part torch 3600 "$python" "$here/on_device_torch.py" --json "$output/torch.json"
    fi
    "$program" summary "$output"
}

case "${1:-}" in
    pack) shift && pack "$@" ;;
    run) shift && run "$@" ;;
    *) usage ;;
esac
