using System.Globalization;

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>What communication has cost since the group was made.</summary>
/// <param name="Bytes">Bytes of the tensors that were reduced, sent or gathered.</param>
/// <param name="Busy">Time in which something was under way.</param>
/// <param name="Waited">The part of it that the computation waited for; the rest was hidden behind it.</param>
public readonly record struct CommunicationTimes(long Bytes, TimeSpan Busy, TimeSpan Waited)
{
    /// <summary>The part of the time that the computation did not wait for; 1 where there was none.</summary>
    public double HiddenShare => Busy > TimeSpan.Zero ? Math.Clamp(1 - (Waited / Busy), 0, 1) : 1;

    /// <summary>For people: bytes, time, of how many seconds, and what part was hidden.</summary>
    public string Describe(double seconds) => string.Create(CultureInfo.InvariantCulture,
        $"{Bytes / 1e6:F1} MB in {Busy.TotalSeconds:F3} s of {seconds:F3} s, of which {100 * HiddenShare:F0} % was hidden behind ")
        + "computation";

    /// <summary>What came between two moments.</summary>
    public static CommunicationTimes operator -(CommunicationTimes later, CommunicationTimes earlier) =>
        new(later.Bytes - earlier.Bytes, later.Busy - earlier.Busy, later.Waited - earlier.Waited);
}
