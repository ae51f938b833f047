using System.CommandLine;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>A command of the program.</summary>
interface ICliCommand
{
    /// <summary>Name, options and examples.</summary>
    CommandHelp Help { get; }

    /// <summary>Whether several processes may do it together.</summary>
    bool MayRunTogether => false;

    /// <summary>Puts the options on the parsed command.</summary>
    void Configure(Command command);

    /// <summary>Runs it and returns the exit code.</summary>
    int Run(ParseResult parsed, Terminal terminal);
}
