# Profiles the project's kernels on the first NVIDIA GPU, with Nsight Compute (what each kernel does) and Nsight Systems (when it runs).
param([string] $Filter = "", [string] $Output = "nsight")
$ErrorActionPreference = "Stop"
$root = Split-Path $PSScriptRoot
foreach ($tool in "ncu", "nsys", "dotnet") {
    if (-not (Get-Command $tool -ErrorAction SilentlyContinue)) {
        throw "profile-nsight: '$tool' is not on the PATH; install Nsight Compute, Nsight Systems and the .NET SDK."
    }
}
New-Item -ItemType Directory -Force $Output | Out-Null
function Invoke-Checked([string] $tool, [string[]] $arguments) {
    & $tool @arguments
    if ($LASTEXITCODE -ne 0) { throw "profile-nsight: '$tool' failed with exit code $LASTEXITCODE." }
}
Invoke-Checked dotnet @("build", "-c", "Release", "$root/src/PerturbedForgetting.Cli")
$run = @("dotnet", "$root/src/PerturbedForgetting.Cli/bin/Release/net10.0/perturbed-forgetting.dll", "kernels", "profile", "--device", "cuda")
if ($Filter) { $run += "--filter", $Filter }
# Sections: speed of light, memory, occupancy, source lines. ncu replays a kernel, so that one launch is enough.
Invoke-Checked ncu (@("--set", "full", "--import-source", "yes", "--force-overwrite", "--export", "$Output/kernels") + $run)
Invoke-Checked nsys (@("profile", "--trace=cuda", "--force-overwrite=true", "--output", "$Output/timeline") + $run + @("--launches", "20"))
Write-Output "Open $Output/kernels.ncu-rep with ncu-ui and $Output/timeline.nsys-rep with nsys-ui."
