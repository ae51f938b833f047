using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>Where the processes of a run meet: the first listens there, the others look for it.</summary>
/// <param name="Hosts">Names or addresses of the first process's machine.</param>
/// <param name="Ports">Those it may listen on, the likeliest first; 0 is any.</param>
/// <param name="Proof">What tells the processes of the run from others.</param>
sealed record Meeting(IReadOnlyList<string> Hosts, IReadOnlyList<int> Ports, ControlProof Proof)
{
    /// <summary>Ports that are tried behind the first: another program may have that, as the agent of torchrun does.</summary>
    const int Others = 8;

    /// <summary>Ports for those who were told none, where systems seldom give them away: 4,096 from here on.</summary>
    const int FirstOfOwn = 61440, OwnPorts = 4096;

    const string AddressVariable = "MASTER_ADDR", PortVariable = "MASTER_PORT";

    /// <summary>Whether all processes are on this machine, so that nobody else need be listened to.</summary>
    public bool IsLocal { get; init; }

    /// <summary>How long to wait for all at least, however soon one that is silent later is taken for gone: machines start programs in
    /// their own time.</summary>
    public TimeSpan Patience { get; init; } = LeastPatience;

    /// <summary><see cref="Patience"/> of a meeting that says nothing else.</summary>
    public static TimeSpan LeastPatience => TimeSpan.FromMinutes(1);

    /// <summary>Whether the first listens before the others are started.</summary>
    public bool ListensBefore { get; init; }

    /// <summary>What the launcher's variables say; null where they do not say where the first is.</summary>
    /// <param name="launch">Of this process.</param>
    /// <param name="variable">The value of an environment variable; null or empty where it is not set.</param>
    /// <param name="parent">Number of the process that has started this one, where that is known.</param>
    /// <exception cref="OptionException">A variable does not hold what it should.</exception>
    public static Meeting? Find(Launch launch, Func<string, string?> variable, int? parent)
    {
        string? address = Text(AddressVariable), token = Text(EnvironmentVariables.Token.Name);
        int? port = Port();
        string job = string.Join(' ', launch.By, Text("TORCHELASTIC_RUN_ID"), Text("TORCHELASTIC_RESTART_COUNT"), Text("SLURM_JOB_ID"),
            Text("SLURM_STEP_ID"), Text("PMIX_NAMESPACE"));
        if (address is not null && port is { } given)
        {
            return launch.By == Launcher.First
                ? OfStarted(address, given, token ?? "")
                : new([address], From(launch.By == Launcher.Torchrun ? given + 1 : given),
                    ControlProof.Of(FormattableString.Invariant($"{token} {job} {address} {given}")));
        }
        if (launch.By == Launcher.Slurm)
        {
            string? nodes = Text("SLURM_STEP_NODELIST") ?? Text("SLURM_JOB_NODELIST") ?? Text("SLURM_NODELIST");
            string host = address ?? SlurmNodes.First(nodes ?? "") ?? throw Missing(launch, AddressVariable);
            return new([host], From(port ?? PortOf(job)), ControlProof.Of($"{token} {job} {host}"));
        }
        if (launch.HasMpi)
        {
            // One machine needs nobody to tell where it is.
            string origin = Text("PMIX_NAMESPACE") is { } name ? name : FormattableString.Invariant($"child of {parent}");
            return launch.LocalSize == launch.Size && (parent is not null || Text("PMIX_NAMESPACE") is not null)
                ? new([IPAddress.Loopback.ToString()], From(PortOf(origin)), ControlProof.Of($"{token} {job} {origin}")) { IsLocal = true }
                : null;
        }
        throw Missing(launch, address is null ? AddressVariable : PortVariable);

        string? Text(string name) => variable(name) is { Length: > 0 } value ? value : null;

        int? Port() => Text(PortVariable) is not { } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ushort.MaxValue
            ? number
            : throw new OptionException(new OptionProblem(PortVariable, $"'{text}' is not a port, which is a number from 1 to 65535."));
    }

    /// <summary>Where the first process meets those that it starts itself.</summary>
    public static Meeting OfStarted(string address, int port, string token) =>
        new([address], [port], ControlProof.Of(token)) { IsLocal = true, ListensBefore = true };

    /// <summary>Where processes meet that share a secret.</summary>
    public static Meeting Of(IReadOnlyList<string> hosts, int port, string secret) => new(hosts, [port], ControlProof.Of(secret));

    /// <summary>What the first process has the others told of where it listens: its addresses, of which not all may be of use to
    /// all.</summary>
    public static byte[] ToBytes(int port, string secret) => Encoding.UTF8.GetBytes(string.Join('\n',
        Addresses().Prepend(secret).Prepend(port.ToString(CultureInfo.InvariantCulture))));

    /// <summary>Reads what <see cref="ToBytes"/> makes.</summary>
    /// <exception cref="CommunicationException">It makes no sense.</exception>
    public static Meeting Read(ReadOnlySpan<byte> bytes) =>
        Encoding.UTF8.GetString(bytes).Split('\n') is [var port, var secret, .. var hosts]
            && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && hosts.Length > 0
            ? Of(hosts, number, secret)
            : throw new CommunicationException("rank 0 does not say where it is: another version of this program?");

    /// <summary>Where to look for the first process now.</summary>
    /// <param name="unknown">Which name is not known, and why; null where all are.</param>
    public IReadOnlyList<IPEndPoint> Places(out string? unknown)
    {
        unknown = null;
        List<IPEndPoint> places = [];
        foreach (string host in Hosts)
        {
            try
            {
                foreach (var address in IPAddress.TryParse(host, out var known) ? [known] : Dns.GetHostAddresses(host))
                    places.AddRange(Ports.Select(port => new IPEndPoint(address, port)));
            }
            catch (SocketException e)
            {
                unknown = $"no address is known for '{host}': {e.Message}";
            }
        }
        return places;
    }

    /// <inheritdoc/>
    public override string ToString() => Ports.Count == 1
        ? FormattableString.Invariant($"{string.Join(", ", Hosts)}, port {Ports[0]}")
        : FormattableString.Invariant($"{string.Join(", ", Hosts)}, ports {Ports[0]} to {Ports[^1]}");

    /// <summary>Addresses of this machine, those of its own use last.</summary>
    static IEnumerable<string> Addresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(static n => n.OperationalStatus == OperationalStatus.Up)
        .SelectMany(static n => n.GetIPProperties().UnicastAddresses).Select(static a => a.Address)
        .Where(static a => !a.IsIPv6LinkLocal)
        .OrderBy(static a => IPAddress.IsLoopback(a)).ThenBy(static a => a.AddressFamily == AddressFamily.InterNetworkV6)
        .Select(static a => a.ToString());

    static int[] From(int port) => [.. Enumerable.Range(port, Others + 1).Where(static p => p <= ushort.MaxValue)];

    // Others on the machine get other ports, most of the time; who meets another run's first looks further.
    static int PortOf(string text)
    {
        uint hash = 2166136261;
        foreach (char c in text)
            hash = (hash ^ c) * 16777619;
        return FirstOfOwn + (int)(hash % (OwnPorts - Others));
    }

    static OptionException Missing(Launch launch, string variable) => new(new OptionProblem(variable,
        FormattableString.Invariant($"is not set, and by {launch.Title} this is process {launch.Rank} of {launch.Size}: it must say where ")
        + "the first is. Set it, or take the other variables away to run alone."));
}
