using System.Globalization;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Calls that the software GPU is told to refuse, as a real driver or library may for reasons of its own. A refused call does
/// nothing, but for the end of a capture, which ends it all the same.</summary>
/// <param name="Call">The entry point without a version behind it: <c>cuGraphInstantiate</c>, <c>cublasCreate</c>,
/// <c>cudnnConvolutionForward</c>.</param>
/// <param name="Code">What the call returns. With 0 it says that it succeeded and did nothing: what a program does that has forgotten
/// it.</param>
/// <param name="First">The first call that is refused, from 1.</param>
/// <param name="Count">So many are refused; 0 for all.</param>
public sealed record SimulatedRefusal(string Call, int Code, int First = 1, int Count = 0)
{
    /// <summary>The refusal of a text: <c>cuGraphInstantiate:801</c>, from the third call on <c>cuGraphInstantiate:801@3</c>, the third
    /// alone <c>cuGraphInstantiate:801@3x1</c>; null where it is none.</summary>
    public static SimulatedRefusal? Parse(string text)
    {
        string[] parts = text.Split(':', '@', 'x');
        bool isOfAll = text.IndexOf('@') < 0;
        ReadOnlySpan<char> marks = [.. text.Where(static c => c is ':' or '@')];
        return parts[0].Length > 2 && (marks is ":" || marks is ":@") && parts.Length <= 4
            && Number(parts[1]) is { } code
            && (isOfAll ? 1 : Number(parts[2])) is { } first and > 0
            && (parts.Length == 4 ? Number(parts[3]) : 0) is { } count
            ? new(parts[0], code, first, count)
            : null;

        static int? Number(string digits) =>
            int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }
}

/// <summary>Counts the calls that may be refused.</summary>
sealed class Refusals
{
    readonly List<(SimulatedRefusal Refusal, int Calls)> watched = [];

    /// <summary>Counts from now on.</summary>
    public void Add(SimulatedRefusal refusal) => watched.Add((refusal, 0));

    /// <summary>What a call returns instead of doing something; null for one that is let through.</summary>
    /// <param name="prefix">Of the library: <c>cu</c>.</param>
    /// <param name="call">The entry point without it.</param>
    public int? Take(string prefix, string call)
    {
        int? code = null;
        for (int i = 0; i < watched.Count; i++)
        {
            (SimulatedRefusal refusal, int calls) = watched[i];
            if (refusal.Call.Length != prefix.Length + call.Length || !refusal.Call.StartsWith(prefix, StringComparison.Ordinal)
                || !refusal.Call.EndsWith(call, StringComparison.Ordinal))
                continue;
            watched[i] = (refusal, ++calls);
            if (calls >= refusal.First && (refusal.Count == 0 || calls - refusal.First < refusal.Count))
                code = refusal.Code;
        }
        return code;
    }
}
