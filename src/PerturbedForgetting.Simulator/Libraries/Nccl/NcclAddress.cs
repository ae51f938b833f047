using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>What an id of the simulated NCCL says: where the members meet, and a secret by which they know each other.</summary>
sealed record NcclAddress(IPEndPoint Place, byte[] Token)
{
    /// <summary>Bytes of the secret.</summary>
    public const int TokenBytes = 16;

    const ulong Magic = 0x4C43434E_4D495350;

    const int AddressAt = 8 + TokenBytes, ScopeAt = AddressAt + 16, PortAt = ScopeAt + 8, End = PortAt + 2;

    /// <summary>A secret that nobody else has.</summary>
    public static byte[] NewToken() => RandomNumberGenerator.GetBytes(TokenBytes);

    /// <summary>The id.</summary>
    public NcclUniqueId ToId()
    {
        byte[] bytes = new byte[NcclUniqueId.Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        Token.CopyTo(bytes, 8);
        IPAddress address = Place.Address;
        address.MapToIPv6().GetAddressBytes().CopyTo(bytes, AddressAt);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(ScopeAt), address.ScopeId);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(PortAt), (ushort)Place.Port);
        return new NcclUniqueId(bytes);
    }

    /// <summary>What an id says; null for one that was not made here.</summary>
    public static NcclAddress? Of(in NcclUniqueId id)
    {
        ReadOnlySpan<byte> bytes = id.ToArray();
        ushort port = BinaryPrimitives.ReadUInt16LittleEndian(bytes[PortAt..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic || port == 0 || bytes[End..].ContainsAnyExcept((byte)0))
            return null;
        IPAddress address = new(bytes.Slice(AddressAt, 16));
        long scope = BinaryPrimitives.ReadInt64LittleEndian(bytes[ScopeAt..]);
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (scope is > 0 and <= uint.MaxValue)
            address.ScopeId = scope;
        return new(new IPEndPoint(address, port), bytes.Slice(8, TokenBytes).ToArray());
    }

    /// <summary>The address by which other machines reach this one, as the real library chooses it: of the interfaces that
    /// <c>NCCL_SOCKET_IFNAME</c> allows the first that is up; without it not the loopback and none of a container's bridge, unless there
    /// is no other.</summary>
    /// <param name="wanted">What the variable says; null or empty where it is not set.</param>
    public static IPAddress OfThisMachine(string? wanted)
    {
        NetworkInterface[] up = [.. NetworkInterface.GetAllNetworkInterfaces()
            .Where(static i => i.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)];
        IEnumerable<NetworkInterface> allowed = string.IsNullOrEmpty(wanted)
            ? up.Where(static i => i.NetworkInterfaceType != NetworkInterfaceType.Loopback
                && !i.Name.StartsWith("docker", StringComparison.Ordinal))
            : up.Where(i => IsAllowed(i.Name, wanted));
        return allowed.SelectMany(static i => i.GetIPProperties().UnicastAddresses).Select(static a => a.Address)
            .Where(static a => !a.IsIPv6LinkLocal)
            .OrderBy(static a => a.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)
            .FirstOrDefault(IPAddress.Loopback);
    }

    /// <summary>Whether a list of beginnings of names allows an interface: <c>eth,ib</c>; <c>=eth0</c> is one name, <c>^docker</c> allows
    /// all others.</summary>
    public static bool IsAllowed(string name, string list)
    {
        bool isExclusion = list.StartsWith('^');
        string names = list.TrimStart('^');
        bool isExact = names.StartsWith('=');
        return names.TrimStart('=').Split(',').Any(n => isExact ? name == n : name.StartsWith(n, StringComparison.Ordinal)) != isExclusion;
    }
}
