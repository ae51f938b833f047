<#
.SYNOPSIS
Builds, tests, formats or runs PerturbedForgetting. Works on Linux and Windows:
    dotnet tool restore
    dotnet pwsh build.ps1 test
.EXAMPLE
dotnet pwsh build.ps1 test --filter Name~Safetensors
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
    'run' { dotnet run --project src/PerturbedForgetting.Cli -c Release -- @rest }
    default {
        [Console]::Error.WriteLine("There is no target '$target'. Targets: build, test, format, run; what follows is passed on.")
        exit 2
    }
}
exit $LASTEXITCODE
