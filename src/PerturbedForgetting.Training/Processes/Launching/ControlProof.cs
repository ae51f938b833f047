using System.Security.Cryptography;
using System.Text;

namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>
/// How two processes show each other that they belong to one run: each answers the other's random number with what only somebody makes of
/// it who has the run's key. The key itself is never sent. Where nobody has given a secret the key is made of what the launcher tells all
/// processes alike: then it keeps runs apart that meet by chance, and keeps nobody out who wants to come in.
/// </summary>
/// <param name="key">Of the run.</param>
sealed class ControlProof(byte[] key)
{
    /// <summary>Bytes of a number, and of a proof.</summary>
    public const int NonceBytes = 16, Bytes = 32;

    /// <summary>How a conversation begins: a name that no other program has, and the protocol's version.</summary>
    static ReadOnlySpan<byte> Greeting => "PerturbedForgetting control 1\n"u8;

    /// <summary>The key that a text stands for.</summary>
    public static ControlProof Of(string text) => new(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The first message of a member.</summary>
    public static byte[] Hello(ReadOnlySpan<byte> nonce) => [.. Greeting, .. nonce];

    /// <summary>The number in a member's first message; empty where it is none.</summary>
    public static ReadOnlySpan<byte> NonceOf(ReadOnlySpan<byte> hello) =>
        hello.Length == Greeting.Length + NonceBytes && hello.StartsWith(Greeting) ? hello[Greeting.Length..] : default;

    /// <summary>What the hub answers.</summary>
    /// <param name="members">The member's number.</param>
    /// <param name="hubs">The hub's.</param>
    public byte[] OfHub(ReadOnlySpan<byte> members, ReadOnlySpan<byte> hubs) => Make("hub", members, hubs, default);

    /// <summary>What a member answers.</summary>
    /// <param name="members">The member's number.</param>
    /// <param name="hubs">The hub's.</param>
    /// <param name="statement">What it says of itself beside.</param>
    public byte[] OfMember(ReadOnlySpan<byte> members, ReadOnlySpan<byte> hubs, ReadOnlySpan<byte> statement) =>
        Make("member", members, hubs, statement);

    byte[] Make(string role, ReadOnlySpan<byte> members, ReadOnlySpan<byte> hubs, ReadOnlySpan<byte> statement) =>
        HMACSHA256.HashData(key, (byte[])[.. Encoding.ASCII.GetBytes(role), .. members, .. hubs, .. statement]);
}
