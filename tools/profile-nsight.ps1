# NVIDIA's profilers over this project's kernels and training steps, with filters that keep reports small; see docs/profiling.md.
# usage:
#   tools/profile-nsight.ps1 kernels [PART OF A NAME]         each kernel alone, on made-up data: what it does (Compute), when (Systems)
#   tools/profile-nsight.ps1 timeline [OPTIONS OF train]     training steps: when the GPU works, copies, waits (Nsight Systems)
#   tools/profile-nsight.ps1 step REGEX [OPTIONS OF train]   kernels of training steps, names like '^layer_norm' (Nsight Compute)
# environment: NSIGHT_OUTPUT, folder of the reports [nsight]; NSIGHT_SECONDS, length of a timeline [10]
$ErrorActionPreference = "Stop"
$mode, $rest = $args
$rest = @($rest | Where-Object { $null -ne $_ })
$root = Split-Path $PSScriptRoot
$output = if ($env:NSIGHT_OUTPUT) { $env:NSIGHT_OUTPUT } else { "nsight" }
$seconds = if ($env:NSIGHT_SECONDS) { $env:NSIGHT_SECONDS } else { "10" }
$program = "$root/src/PerturbedForgetting.Cli/bin/Release/net10.0/perturbed-forgetting.dll"

function Start-Build([string[]] $tools) {
    foreach ($tool in $tools) {
        if (-not (Get-Command $tool -ErrorAction SilentlyContinue)) {
            throw "profile-nsight: '$tool' is not on the PATH; " +
                "install Nsight Compute (ncu), Nsight Systems (nsys) and the .NET SDK (dotnet)."
        }
    }
    New-Item -ItemType Directory -Force $output | Out-Null
    Invoke-Checked dotnet @("build", "-c", "Release", "$root/src/PerturbedForgetting.Cli")
}

function Invoke-Checked([string] $tool, [string[]] $arguments, [int[]] $expected = @(0)) {
    & $tool @arguments
    if ($expected -notcontains $LASTEXITCODE) { throw "profile-nsight: '$tool' failed with exit code $LASTEXITCODE." }
}

# A run that ends by itself and writes beside the reports; options of the user come last and win.
function Get-Training([string[]] $options, [string[]] $more = @()) {
    if (-not $options) { $options = @("--dataset", "builtin/shapes", "--opt", "sam_sgdw") }
    return @("dotnet", $program, "train", "--device", "cuda", "--epochs", "1", "--output", "$output/train") + $more + $options
}

switch ($mode) {
    "kernels" {
        Start-Build ncu, nsys, dotnet
        $run = @("dotnet", $program, "kernels", "profile", "--device", "cuda")
        if ($rest) { $run += "--filter", $rest[0] }
        # ncu replays a kernel for each group of counters, so that one launch is enough.
        Invoke-Checked ncu (@("--set", "full", "--import-source", "yes", "--force-overwrite", "--export", "$output/kernels") + $run)
        Invoke-Checked nsys (@("profile", "--trace=cuda", "--force-overwrite=true", "--output", "$output/kernels") + $run +
            @("--launches", "20"))
        Write-Output "Open $output/kernels.ncu-rep with ncu-ui and $output/kernels.nsys-rep with nsys-ui."
    }
    "timeline" {
        Start-Build nsys, dotnet
        # The collection begins with the first range named "step"; names are only looked at when this variable says so.
        $env:NSYS_NVTX_PROFILER_REGISTER_ONLY = "0"
        # After the time the run is told to end, finishes its step and writes a checkpoint.
        Invoke-Checked nsys (@("profile", "--trace=cuda,nvtx", "--cuda-graph-trace=node", "--capture-range=nvtx",
            "--nvtx-capture=step", "--capture-range-end=none",
            "--duration=$seconds", "--force-overwrite=true", "--output", "$output/timeline") + (Get-Training $rest)) @(0, 143, 1)
        Invoke-Checked nsys @("stats", "--report", "nvtx_pushpop_sum,cuda_gpu_kern_sum,cuda_gpu_mem_time_sum", "$output/timeline.nsys-rep")
        Write-Output "Open $output/timeline.nsys-rep with nsys-ui."
    }
    "step" {
        if (-not $rest) { throw "profile-nsight: step needs an expression for the names of kernels, such as '^layer_norm'." }
        Start-Build ncu, dotnet
        $options = @($rest | Select-Object -Skip 1)
        # The first launches are those of warm-up steps. Without graphs every kernel is seen by its name. ncu ends after 20 launches.
        & ncu --set full --import-source yes --kernel-name "regex:$($rest[0])" --launch-skip 50 --launch-count 20 --kill yes `
            --force-overwrite --export "$output/step" @(Get-Training $options @("--cuda-graph", "off"))
        if (-not (Test-Path "$output/step.ncu-rep")) {
            throw "profile-nsight: no kernel of these steps has a name that matches '$($rest[0])', or too few launches of it came."
        }
        Write-Output "Open $output/step.ncu-rep with ncu-ui."
    }
    default {
        Get-Content $PSCommandPath | Select-Object -Skip 1 -First 5 | ForEach-Object { $_.TrimStart("# ") }
        exit 2
    }
}
