namespace PerturbedForgetting.Cuda;

/// <summary>Options of the driver's PTX compiler.</summary>
public sealed record JitOptions
{
    /// <summary>The usual ones.</summary>
    public static JitOptions Default { get; } = new();

    /// <summary>0 to 4; the driver's own choice is 4.</summary>
    public int OptimizationLevel { get; init; } = 4;

    /// <summary>Limit of registers a thread; 0 for none.</summary>
    public int MaxRegisters { get; init; }

    /// <summary>Keeps the lines of the source in the code, so that profilers can show them; costs no speed.</summary>
    public bool GenerateLineInfo { get; init; } = true;

    /// <summary>Asks for a log that tells registers and memory of each kernel.</summary>
    public bool IsLogVerbose { get; init; }
}
