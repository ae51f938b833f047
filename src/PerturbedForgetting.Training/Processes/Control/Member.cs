using System.Text.Json;
using System.Text.Json.Serialization;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>A process of a run, as it says itself.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Size">How many there are, by its launcher.</param>
/// <param name="Host">Name of its machine.</param>
/// <param name="Process">Its number there.</param>
/// <param name="Machine">The same text for all processes of a machine.</param>
/// <param name="LocalRank">Its number among those of its machine.</param>
/// <param name="LocalSize">Their number.</param>
sealed record Member(int Rank, int Size, string Host, int Process, string Machine, int? LocalRank, int? LocalSize)
{
    const int LongestName = 255;

    /// <summary>This process.</summary>
    public static Member This(Launch launch) => new(launch.Rank, launch.Size, Environment.MachineName, Environment.ProcessId, ThisMachine(),
        launch.LocalRank, launch.LocalSize);

    /// <summary>For example <c>rank 1 (process 4711 on node12)</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"rank {Rank} (process {Process} on {Host})");

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, MemberJson.Default.Member);

    /// <summary>Reads what another process sent; null where it makes no sense.</summary>
    public static Member? Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, MemberJson.Default.Member) is { } member
                && Math.Max(member.Host.Length, member.Machine.Length) <= LongestName && !member.Host.Any(char.IsControl)
                && (member.LocalRank is null || (member.LocalRank >= 0 && member.LocalRank <= member.Rank))
                && (member.LocalSize is null || (member.LocalSize >= 1 && member.LocalSize <= member.Size)) ? member : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Several, for the hub to send.</summary>
    public static byte[] ToBytes(Member[] members) => JsonSerializer.SerializeToUtf8Bytes(members, MemberJson.Default.MemberArray);

    /// <summary>Reads what the hub sent; null where it makes no sense.</summary>
    public static Member[]? ReadAll(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, MemberJson.Default.MemberArray);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Fills in what launchers have not said: who shares a machine.</summary>
    public static Member[] Placed(IReadOnlyList<Member> members) =>
    [
        .. members.Select(m => m with
        {
            LocalRank = m.LocalRank ?? members.Count(o => o.Rank < m.Rank && o.Machine == m.Machine),
            LocalSize = m.LocalSize ?? members.Count(o => o.Machine == m.Machine),
        }),
    ];

    /// <summary>Containers of one machine may have names of their own, and several machines the same name.</summary>
    static string ThisMachine()
    {
        try
        {
            const string Boot = "/proc/sys/kernel/random/boot_id";
            return File.Exists(Boot) ? File.ReadAllText(Boot).Trim() : Environment.MachineName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.MachineName;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Member))]
[JsonSerializable(typeof(Member[]))]
sealed partial class MemberJson : JsonSerializerContext;
