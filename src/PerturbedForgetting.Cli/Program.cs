using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;

return new CommandLineApp(CommandHandlers.Default, Terminal.System).Run(args);
