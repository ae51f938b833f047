using System.Diagnostics;

namespace PerturbedForgetting.Cli;

/// <summary>This program, to be started again.</summary>
static class OwnProgram
{
    const string Name = "perturbed-forgetting";

    /// <summary>How to start it with some arguments; its outputs are read by whoever does.</summary>
    public static ProcessStartInfo With(IEnumerable<string> args)
    {
        // The program itself, or what runs its assembly.
        string own = Environment.ProcessPath!;
        bool isProgram = Path.GetFileNameWithoutExtension(own) == Name;
        ProcessStartInfo start = new(own) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string arg in isProgram ? args : args.Prepend(typeof(OwnProgram).Assembly.Location))
            start.ArgumentList.Add(arg);
        return start;
    }
}
