using System.Text;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;

// Windows consoles otherwise show names and bars in an old code page; elsewhere it is UTF-8 already.
if (OperatingSystem.IsWindows())
    Console.OutputEncoding = Encoding.UTF8;
return new CommandLineApp(CommandHandlers.Default, Terminal.System).Run(args);
