#!/usr/bin/env bash
# Checks the project with NVIDIA's own tools, without a GPU. docs/kernels.md explains it.
#   kernels      assembles and links all PTX, and compares what the kernels use with kernels/occupancy.tsv
#   libraries    calls the driver and cuBLAS through the program, as far as that goes without a GPU
#   nccl         calls NCCL through the program likewise, where glibc is new enough for Debian's (2.38)
#   nvcc         compiles the kernels with nvcc, and runs their tests with that PTX on the software GPU
#   tools/nvidia-check.sh [OPTIONS]      every check; one line "skipped: ..." and exit code 0 where the tools cannot be had
#     --update              writes kernels/occupancy.tsv again instead of comparing with it
#     --only PARTS          of kernels,libraries,nccl,nvcc, with commas [all]
#     --no-build            where the tests are built in Release already
#     --cache FOLDER        for the tools, 1.3 GB [$XDG_CACHE_HOME, or ~/.cache, /perturbed-forgetting/nvidia]
# The tools are those of CUDA 12.4 in Debian's non-free component. They are unpacked into the cache and not installed; apt has lists and
# sources of its own there.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"

suite=trixie mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages="nvidia-cuda-toolkit libnvjitlink12 libcuda1 libnvidia-ptxjitcompiler1 libcublas12 libcublaslt12"

usage() {
    sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "nvidia-check: $1" >&2
    exit 2
}

skip() {
    echo "skipped: $1"
    exit 0
}

is_wanted() {
    [ -z "$only" ] || case ",$only," in *",$1,"*) true ;; *) false ;; esac
}

# apt-get with configuration, sources and lists of its own.
own_apt() {
    APT_CONFIG="$apt/apt.conf" timeout 900 "$@" > "$apt/log" 2>&1
}

# get FOLDER COMPONENT PACKAGE...: unpacks what is used of the packages into a folder; once for a list of packages.
get() {
    local folder="$1" component="$2" package
    shift 2
    [ "$(cat "$folder/packages" 2> /dev/null)" != "$*" ] || return 0
    [ "$(uname -m)" = x86_64 ] || skip "NVIDIA's tools are taken for x86-64 only"
    command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null && [ -r "$keyring" ] ||
        skip "NVIDIA's tools are taken from Debian's packages, and this is no Debian"
    apt="$(mktemp -d)"
    trap 'rm -rf "$apt"' EXIT
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/debs"
    : > "$apt/status"
    echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite $component" > "$apt/sources.list"
    cat > "$apt/apt.conf" << END
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/status";
Dir::Cache "$apt";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
END
    own_apt apt-get update || skip "Debian's package lists cannot be had here ($mirror)"
    (cd "$apt/debs" && own_apt apt-get download "$@") || skip "$* cannot be had here ($mirror $suite $component)"
    rm -rf "$folder" && mkdir -p "$folder" || fail "cannot write to '$folder'."
    for package in "$apt"/debs/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --exclude='./usr/share' --exclude='*/compute-sanitizer' ||
            fail "cannot unpack to '$folder'."
    done
    rm -rf "$apt"
    echo "$*" > "$folder/packages"
}

get_tools() {
    # shellcheck disable=SC2086
    get "$tools" non-free $packages
    # nvcc looks for its parts here, and not where Debian installs them. The kernels use none of the toolkit's headers; the one that nvcc
    # puts before every source may be empty.
    printf '%s\n' 'PATH += $(_HERE_):' 'INCLUDES += "-I$(_HERE_)/../include" $(_SPACE_)' > "$toolkit/profile"
    mv -f "$toolkit/profile" "$toolkit/bin/nvcc.profile" && mkdir -p "$toolkit/include" && : > "$toolkit/include/cuda_runtime.h" ||
        fail "cannot write to '$tools'."
}

kernels() {
    dotnet "$built/NvidiaCheck.dll" kernels \
        --ptxas "$tools/usr/bin/ptxas" --nvjitlink "$libraries/libnvJitLink.so.12" \
        --ptx "$root/kernels/ptx/sm_80" --table "$root/kernels/occupancy.tsv" ${update:+--update}
}

# expect CODE REGEX COMMAND...: a command of the program ends with a code and says what it must.
expect() {
    local code="$1" words="$2" said ended
    shift 2
    said="$(dotnet "$built/perturbed-forgetting.dll" "$@" 2>&1)"
    ended=$?
    [ "$ended" -eq "$code" ] && grep -qE "$words" <<< "$said" && ! grep -q '^   at ' <<< "$said" && return
    printf '%s\n' "'$*' ended with $ended, not $code, or does not say '$words':" "$said"
    return 1
}

libraries() {
    local driver="$libraries/nvidia/current" good=0
    export LD_LIBRARY_PATH="$driver:$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export PERTURBED_FORGETTING_CUDA_DRIVER="$driver/libcuda.so.1"
    export PERTURBED_FORGETTING_CUBLAS="$libraries/libcublas.so.12" PERTURBED_FORGETTING_CUBLASLT="$libraries/libcublasLt.so.12"
    dotnet "$built/NvidiaCheck.dll" libraries || good=1
    expect 0 '^    from +.*/libcuda\.so\.1$' devices --verbose || good=1
    expect 0 '^    from +.*/libcublasLt\.so\.12$' devices --verbose || good=1
    # Where there is a GPU the messages are others.
    if [ ! -e /dev/nvidiactl ]; then
        expect 0 'none +the driver shows no GPU' devices || good=1
        expect 4 '^device: There is no GPU for --device cuda: the driver shows none' train --dataset builtin/shapes --device cuda || good=1
        PERTURBED_FORGETTING_CUDA_DRIVER="$libraries/libcublas.so.12" expect 0 'libcublas.so.12 is no CUDA driver' devices || good=1
    fi
    return "$good"
}

nccl() {
    local glibc
    glibc="$(getconf GNU_LIBC_VERSION 2> /dev/null)" && printf '%s\n' 2.38 "${glibc#* }" | sort -VC ||
        { echo "skipped: Debian's NCCL needs glibc 2.38, and this is ${glibc:-another}"; return; }
    get "$cache/nccl" contrib libnccl2
    PERTURBED_FORGETTING_NCCL="$cache/nccl/usr/lib/x86_64-linux-gnu/libnccl.so.2" dotnet "$built/NvidiaCheck.dll" nccl
}

nvcc() {
    local made="$cache/build" ptx="$cache/ptx" clang
    clang="$(command -v clang-19 || command -v g++)" || { echo "skipped: nvcc needs clang-19 or g++ before it"; return; }
    command -v cmake > /dev/null && command -v make > /dev/null || { echo "skipped: nvcc needs cmake and make"; return; }
    rm -rf "$made" "$ptx"
    { cmake -S "$root" -B "$made" -DKERNEL_COMPILER=nvcc -DNVCC="$toolkit/bin/nvcc" -DPTX_FOLDER="$ptx" \
        "-DNVCC_FLAGS=-ccbin;$clang;-allow-unsupported-compiler" &&
        cmake --build "$made" --parallel "$(nproc)" --target kernels; } > "$cache/nvcc.log" 2>&1 || { cat "$cache/nvcc.log"; return 1; }
    PERTURBED_FORGETTING_PTX="$ptx/sm_80" dotnet "$built/PerturbedForgetting.Tests.dll" --filter "$kernel_tests"
}

only="" update="" build=1 cache="${XDG_CACHE_HOME:-$HOME/.cache}/perturbed-forgetting/nvidia"
while [ $# -gt 0 ]; do
    case "$1" in
        --update) update=1 && shift && continue ;;
        --no-build) build="" && shift && continue ;;
    esac
    [ $# -ge 2 ] || usage
    case "$1" in
        --only) only="$2" ;;
        --cache) cache="$2" ;;
        *) usage ;;
    esac
    shift 2
done
# What compares kernels with the CPU's numbers; the rest of the kernels' tests is of other things.
kernel_tests='Tests\.Cuda\.Kernels\.'
tools="$cache/cuda-12.4"
toolkit="$tools/usr/lib/nvidia-cuda-toolkit" libraries="$tools/usr/lib/x86_64-linux-gnu"
built="$root/tests/PerturbedForgetting.Tests/bin/Release/net10.0"
get_tools
if [ -n "$build" ]; then
    dotnet build "$root/tests/PerturbedForgetting.Tests" -c Release -nologo -v quiet ||
        fail "the tests, and with them what this needs, cannot be built."
fi
failed=0
for part in kernels libraries nccl nvcc; do
    is_wanted "$part" || continue
    echo "-- $part"
    # In a shell of its own: a part sets variables for the programs that it starts.
    ("$part") || failed=1
done
exit "$failed"
