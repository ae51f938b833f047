<#
.SYNOPSIS
Builds, tests, formats or runs PerturbedForgetting; compiles its kernels. Works on Linux and Windows:
    dotnet tool restore
    dotnet pwsh build.ps1 test
.EXAMPLE
dotnet pwsh build.ps1 test --filter Name~Safetensors
.EXAMPLE
dotnet pwsh build.ps1 kernels                   compiles kernels/**/*.cu to kernels/ptx/sm_80 (clang 17 or newer, or nvcc)
.EXAMPLE
dotnet pwsh build.ps1 run train --dataset builtin/shapes
#>

$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot

$target = if ($args.Count -gt 0) { $args[0] } else { 'build' }
$rest = @($args | Select-Object -Skip 1)

switch ($target) {
    'build' { dotnet build PerturbedForgetting.sln -c Release @rest }
    'test' { dotnet test PerturbedForgetting.sln -c Release @rest }
    'format' { dotnet format PerturbedForgetting.sln @rest }
    'kernels' {
        if (-not (Get-Command cmake -ErrorAction SilentlyContinue)) {
            [Console]::Error.WriteLine('cmake is missing: apt-get install cmake clang-19, or winget install Kitware.CMake LLVM.LLVM. ' +
                'The committed PTX works without.')
            exit 2
        }
        cmake -S . -B build/kernels && cmake --build build/kernels --parallel --target kernels programs @rest
    }
    'run' { dotnet run --project src/PerturbedForgetting.Cli -c Release -- @rest }
    default {
        [Console]::Error.WriteLine("There is no target '$target'. Targets: build, test, format, kernels, run; what follows is passed on.")
        exit 2
    }
}
exit $LASTEXITCODE
