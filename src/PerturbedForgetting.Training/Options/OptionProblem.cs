namespace PerturbedForgetting.Training.Options;

/// <summary>Something about an option that a person must change (an error) or should know (a note).</summary>
/// <param name="Option">The option as typed, such as <c>--obf-C</c>.</param>
/// <param name="Message">What is wrong, with which value, and what to do.</param>
/// <param name="IsError">False when the run can go on.</param>
public sealed record OptionProblem(string Option, string Message, bool IsError = true)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Option}: {Message}";
}

/// <summary>An option has a value that cannot be used. The message holds all problems, one a line.</summary>
public sealed class OptionException : Exception
{
    /// <summary>Creates the exception for one or more problems.</summary>
    public OptionException(params IReadOnlyList<OptionProblem> problems)
        : base(string.Join(Environment.NewLine, problems))
    {
        Problems = problems;
    }

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<OptionProblem> Problems { get; }
}
