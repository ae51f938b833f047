using System.Globalization;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>A call of MPI failed. The message names the library, the call, the code, what the library says of it, and what to do.</summary>
public sealed class MpiException : Exception
{
    /// <summary>Creates it.</summary>
    /// <param name="library">The library: <c>Open MPI 4.1.4</c>.</param>
    /// <param name="call">Entry point: <c>MPI_Allreduce</c>.</param>
    /// <param name="code">What it returned.</param>
    /// <param name="errorClass">The code's class as the standard calls it: <c>MPI_ERR_COMM</c>.</param>
    /// <param name="text">What the library says of the code, or empty.</param>
    internal MpiException(string library, string call, int code, string errorClass, string text)
        : base(Describe(library, call, code, errorClass, text)) => (Call, Code, ErrorClass) = (call, code, errorClass);

    /// <summary>The entry point that failed.</summary>
    public string Call { get; }

    /// <summary>The code it returned.</summary>
    public int Code { get; }

    /// <summary>The code's class as the standard calls it.</summary>
    public string ErrorClass { get; }

    static string Describe(string library, string call, int code, string errorClass, string text)
    {
        // Some texts repeat the name, some have a stack of several lines.
        string said = string.Join("; ", text.Replace($"{errorClass}:", "", StringComparison.Ordinal)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).TrimEnd('.');
        string message = $"{library}: {call} failed: {errorClass} ({code.ToString(CultureInfo.InvariantCulture)}"
            + $"{(said.Length > 0 ? ", " + said : "")}).";
        string remedy = MpiErrors.RemedyFor(errorClass);
        return remedy.Length > 0 ? $"{message} {remedy}" : message;
    }
}
