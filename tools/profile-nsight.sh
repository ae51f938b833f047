#!/bin/sh
# Profiles the project's kernels on the first NVIDIA GPU, with Nsight Compute (what each kernel does) and Nsight Systems (when it runs).
# usage: tools/profile-nsight.sh [part of a kernel's name] [folder for the reports]
set -eu
filter=${1:-}
output=${2:-nsight}
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in ncu nsys dotnet; do
    command -v "$tool" >/dev/null || { echo "profile-nsight: '$tool' is not on the PATH; install Nsight Compute, Nsight Systems and the .NET SDK." >&2; exit 1; }
done
mkdir -p "$output"
dotnet build -c Release "$root/src/PerturbedForgetting.Cli"
program="$root/src/PerturbedForgetting.Cli/bin/Release/net10.0/perturbed-forgetting.dll"
# Sections: speed of light, memory, occupancy, source lines. ncu replays a kernel, so that one launch is enough.
ncu --set full --import-source yes --force-overwrite --export "$output/kernels" \
    dotnet "$program" kernels profile --device cuda --filter "$filter"
nsys profile --trace=cuda --force-overwrite=true --output "$output/timeline" \
    dotnet "$program" kernels profile --device cuda --filter "$filter" --launches 20
echo "Open $output/kernels.ncu-rep with ncu-ui and $output/timeline.nsys-rep with nsys-ui."
