namespace PerturbedForgetting.Cli;

/// <summary>Where a command writes, and what that place can show.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Problems.</param>
/// <param name="IsInteractive">Whether a person watches, so that lines may be redrawn.</param>
/// <param name="Width">Columns of a line.</param>
sealed record Terminal(TextWriter Out, TextWriter Error, bool IsInteractive, int Width)
{
    /// <summary>How a command hears of Ctrl-C and of requests to end.</summary>
    public Func<TextWriter, Interruption> Listen { get; init; } = Interruption.Listen;

    /// <summary>The console of the process.</summary>
    public static Terminal System => new(Console.Out, Console.Error, !Console.IsOutputRedirected, ConsoleWidth());

    static int ConsoleWidth()
    {
        // Below the narrowest a column of words would be left; lines beyond the widest are hard to follow.
        const int Default = 100, Narrowest = 40, Widest = 160;
        if (Console.IsOutputRedirected)
            return Default;
        try
        {
            // A terminal that does not know says 0.
            return Console.WindowWidth is > 0 and int columns ? Math.Clamp(columns, Narrowest, Widest) : Default;
        }
        // Some terminals do not tell.
        catch (IOException)
        {
            return Default;
        }
    }
}
