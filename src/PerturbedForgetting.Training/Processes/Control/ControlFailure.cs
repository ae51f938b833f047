using System.Text;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>Why the processes of a run cannot go on together.</summary>
/// <param name="Rank">Who is gone; negative where it is nobody alone.</param>
/// <param name="Reason">For people.</param>
/// <param name="IsDeparture">Whether somebody has left in peace while others went on.</param>
sealed record ControlFailure(int Rank, string Reason, bool IsDeparture = false)
{
    /// <summary>Whether this process has found out by itself that it cannot talk to the first.</summary>
    public bool IsOfTheHub { get; init; }

    const int LongestReason = 2000;

    public byte[] ToBytes() => [IsDeparture ? (byte)1 : (byte)0, .. BitConverter.GetBytes(Rank), .. TextBytes(Reason)];

    /// <summary>Reads what the hub sent.</summary>
    public static ControlFailure Read(ReadOnlySpan<byte> bytes) => bytes.Length < 1 + sizeof(int)
        ? new(-1, "the first process has ended the run")
        : new(BitConverter.ToInt32(bytes[1..]), TextOf(bytes[(1 + sizeof(int))..]), bytes[0] != 0);

    /// <summary>A text as it is sent: not too long.</summary>
    public static byte[] TextBytes(string text) => Encoding.UTF8.GetBytes(text.Length > LongestReason ? text[..LongestReason] + "…" : text);

    /// <summary>A text as it came: nothing that a terminal would obey.</summary>
    public static string TextOf(ReadOnlySpan<byte> bytes) =>
        string.Concat(Encoding.UTF8.GetString(bytes).Where(static c => c == '\n' || !char.IsControl(c)));
}
