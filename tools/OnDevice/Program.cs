// Everything that tools/on-device.sh runs, in one program, so that one copy of the .NET runtime serves all of it.
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Tests;

string[] rest = [.. args.Skip(1)];
return args.FirstOrDefault() switch
{
    "cli" => new CommandLineApp(CommandHandlers.Default, Terminal.System).Run(rest),
    "tests" => TestRun.Execute(rest, Console.Out),
    _ => DeviceBenchmark.BenchmarkApp.Run(args, Console.Out, Console.Error),
};
