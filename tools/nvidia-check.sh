#!/usr/bin/env bash
# Checks the kernels with NVIDIA's own tools, without a GPU: what the assembler makes of them, compared with kernels/occupancy.tsv.
# docs/kernels.md explains the table.
#   tools/nvidia-check.sh [OPTIONS]      every check; one line "skipped: ..." and exit code 0 where the tools cannot be had
#     --update              writes kernels/occupancy.tsv again instead of comparing with it
#     --only PARTS          of kernels, with commas [all]
#     --cache FOLDER        for the tools, about 1 GB [$XDG_CACHE_HOME, or ~/.cache, /perturbed-forgetting/nvidia]
# The tools are those of CUDA 12.4 in Debian's non-free component. They are unpacked into the cache and not installed; apt has lists and
# sources of its own there.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"

suite=trixie mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages="nvidia-cuda-toolkit libnvjitlink12"

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
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

# Unpacks what is used of the packages into $tools; once for a list of packages.
get_tools() {
    [ "$(cat "$tools/packages" 2> /dev/null)" != "$packages" ] || return 0
    [ "$(uname -m)" = x86_64 ] || skip "NVIDIA's tools are taken for x86-64 only"
    command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null && [ -r "$keyring" ] ||
        skip "NVIDIA's tools are taken from Debian's packages, and this is no Debian"
    apt="$(mktemp -d)"
    trap 'rm -rf "$apt"' EXIT
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/debs"
    : > "$apt/status"
    echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite non-free" > "$apt/sources.list"
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
    # shellcheck disable=SC2086
    (cd "$apt/debs" && own_apt apt-get download $packages) || skip "$packages cannot be had here ($mirror $suite non-free)"
    rm -rf "$tools" && mkdir -p "$tools" || fail "cannot write to '$tools'."
    local package
    for package in "$apt"/debs/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tools" --exclude='./usr/share' --exclude='*/compute-sanitizer' ||
            fail "cannot unpack to '$tools'."
    done
    rm -rf "$apt"
    # nvcc looks for its parts here, and not where Debian installs them. The kernels use none of the toolkit's headers; the one that nvcc
    # puts before every source may be empty.
    printf '%s\n' 'PATH += $(_HERE_):' 'INCLUDES += "-I$(_HERE_)/../include" $(_SPACE_)' > "$toolkit/profile"
    mv -f "$toolkit/profile" "$toolkit/bin/nvcc.profile" && mkdir -p "$toolkit/include" && : > "$toolkit/include/cuda_runtime.h" ||
        fail "cannot write to '$tools'."
    echo "$packages" > "$tools/packages"
}

kernels() {
    dotnet run --project "$here/NvidiaCheck" -c Release -- kernels \
        --ptxas "$tools/usr/bin/ptxas" --nvjitlink "$libraries/libnvJitLink.so.12" \
        --ptx "$root/kernels/ptx/sm_80" --table "$root/kernels/occupancy.tsv" ${update:+--update}
}

only="" update="" cache="${XDG_CACHE_HOME:-$HOME/.cache}/perturbed-forgetting/nvidia"
while [ $# -gt 0 ]; do
    case "$1" in
        --update) update=1 && shift && continue ;;
    esac
    [ $# -ge 2 ] || usage
    case "$1" in
        --only) only="$2" ;;
        --cache) cache="$2" ;;
        *) usage ;;
    esac
    shift 2
done
tools="$cache/cuda-12.4"
toolkit="$tools/usr/lib/nvidia-cuda-toolkit" libraries="$tools/usr/lib/x86_64-linux-gnu"
get_tools
failed=0
for part in kernels; do
    is_wanted "$part" || continue
    echo "-- $part"
    "$part" || failed=1
done
exit "$failed"
