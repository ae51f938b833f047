#!/bin/sh
# NVIDIA's profilers over this project's kernels and training steps, with filters that keep reports small; see docs/profiling.md.
# usage:
#   tools/profile-nsight.sh kernels [PART OF A NAME]         each kernel alone, on made-up data: what it does (Compute), when (Systems)
#   tools/profile-nsight.sh timeline [OPTIONS OF train]     training steps: when the GPU works, copies, waits (Nsight Systems)
#   tools/profile-nsight.sh step REGEX [OPTIONS OF train]   kernels of training steps, names like '^layer_norm' (Nsight Compute)
# environment: NSIGHT_OUTPUT, folder of the reports [nsight]; NSIGHT_SECONDS, length of a timeline [10]
set -eu
fail() { echo "profile-nsight: $1" >&2; exit 1; }
need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null ||
            fail "'$tool' is not on the PATH; install Nsight Compute (ncu), Nsight Systems (nsys) and the .NET SDK (dotnet)."
    done
}
output=${NSIGHT_OUTPUT:-nsight}
root=$(cd "$(dirname "$0")/.." && pwd)
program="$root/src/PerturbedForgetting.Cli/bin/Release/net10.0/perturbed-forgetting.dll"
build() { mkdir -p "$output"; dotnet build -c Release "$root/src/PerturbedForgetting.Cli"; }

case "${1:-}" in
kernels)
    need ncu nsys dotnet
    build
    # ncu replays a kernel for each group of counters, so that one launch is enough.
    ncu --set full --import-source yes --force-overwrite --export "$output/kernels" \
        dotnet "$program" kernels profile --device cuda --filter "${2:-}"
    nsys profile --trace=cuda --force-overwrite=true --output "$output/kernels" \
        dotnet "$program" kernels profile --device cuda --filter "${2:-}" --launches 20
    echo "Open $output/kernels.ncu-rep with ncu-ui and $output/kernels.nsys-rep with nsys-ui."
    ;;
timeline)
    shift
    need nsys dotnet
    build
    [ $# -gt 0 ] || set -- --dataset builtin/shapes --opt sam_sgdw
    # The collection begins with the first range named "step"; names are only looked at when this variable says so.
    export NSYS_NVTX_PROFILER_REGISTER_ONLY=0
    # After the time the run is told to end, finishes its step and writes a checkpoint: its exit code is then 143.
    nsys profile --trace=cuda,nvtx --cuda-graph-trace=node --capture-range=nvtx --nvtx-capture=step --capture-range-end=none \
        --duration="${NSIGHT_SECONDS:-10}" --kill=sigterm --force-overwrite=true --output "$output/timeline" \
        dotnet "$program" train --device cuda --epochs 1 --output "$output/train" "$@" || [ $? -eq 143 ]
    nsys stats --report nvtx_pushpop_sum,cuda_gpu_kern_sum,cuda_gpu_mem_time_sum "$output/timeline.nsys-rep"
    echo "Open $output/timeline.nsys-rep with nsys-ui."
    ;;
step)
    [ $# -ge 2 ] || fail "step needs an expression for the names of kernels, such as '^layer_norm'."
    expression=$2
    shift 2
    need ncu dotnet
    build
    [ $# -gt 0 ] || set -- --dataset builtin/shapes --opt sam_sgdw
    # The first launches are those of warm-up steps. Without graphs every kernel is seen by its name.
    ncu --set full --import-source yes --kernel-name "regex:$expression" --launch-skip 50 --launch-count 20 --kill yes \
        --force-overwrite --export "$output/step" \
        dotnet "$program" train --device cuda --epochs 1 --output "$output/train" --cuda-graph off "$@" \
        || echo "(ncu ends the run after 20 launches.)"
    [ -f "$output/step.ncu-rep" ] ||
        fail "no kernel of these steps has a name that matches '$expression', or too few launches of it came; see '$output'."
    echo "Open $output/step.ncu-rep with ncu-ui."
    ;;
*)
    sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,7p' >&2
    exit 2
    ;;
esac
