namespace PerturbedForgetting.Cli;

/// <summary>What the process returns.</summary>
static class ExitCodes
{
    public const int Success = 0;

    /// <summary>A fault of the program itself, or a result that cannot be written.</summary>
    public const int Failure = 1;

    public const int WrongOption = 2;

    public const int BadData = 3;

    public const int Device = 4;

    /// <summary>The loss is not finite, so the run would produce nonsense.</summary>
    public const int NotFinite = 5;

    /// <summary>Of several processes that work together, another one is gone.</summary>
    public const int ProcessGone = 6;

    /// <summary>The terminal is gone: 128 + SIGHUP.</summary>
    public const int HungUp = 129;

    /// <summary>Ctrl-C, as shells report it: 128 + SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>A request to end: 128 + SIGTERM.</summary>
    public const int Terminated = 143;
}
