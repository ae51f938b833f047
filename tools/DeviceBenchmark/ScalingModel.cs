namespace DeviceBenchmark;

/// <summary>A connection as one GPU has it.</summary>
/// <param name="Name">For people.</param>
/// <param name="BytesPerSecond">In one direction.</param>
/// <param name="Latency">Seconds from one member to the next, the call included.</param>
readonly record struct Link(string Name, double BytesPerSecond, double Latency);

/// <summary>
/// The time of an all-reduce of S bytes over N GPUs, <see cref="PerNode"/> a node, each with a network adapter of its own. Within a node a
/// ring takes 2·(g-1)/g·S/B + 2·(g-1)·α; what each GPU then carries over the network, S/g, takes the shorter of a ring over the m nodes,
/// 2·(m-1)/m·(S/g)/B + 2·(m-1)·α, and of a tree, 2·(S/g)/B + 2·⌈log₂ m⌉·α. (Rings: Patarasuk and Yuan, "Bandwidth optimal all-reduce
/// algorithms for clusters of workstations", 2009; trees: Sanders, Speck and Träff, "Two-tree algorithms for full bandwidth broadcast,
/// reduction and scan", 2009: the two that NCCL chooses from.)
/// </summary>
/// <param name="Within">Between the GPUs of a node.</param>
/// <param name="Between">Between nodes.</param>
sealed record ScalingModel(Link Within, Link Between)
{
    /// <summary>GPUs of a node.</summary>
    public const int PerNode = 8;

    /// <summary>NVLink of the fourth generation: 18 links of 25 GB/s in each direction ("NVIDIA H100 Tensor Core GPU
    /// Architecture").</summary>
    public static Link NvLink4 { get; } = new("NVLink 4", 450e9, 3e-6);

    /// <summary>A network adapter of so many Gb/s; 10 us from host to host.</summary>
    public static Link Network(double gigabits) => new($"{gigabits:0} Gb/s", gigabits / 8 * 1e9, 10e-6);

    /// <summary>Seconds of an all-reduce.</summary>
    public double Seconds(double bytes, int processes)
    {
        int inside = Math.Min(processes, PerNode), nodes = (processes + PerNode - 1) / PerNode;
        double each = bytes / inside;
        return Ring(bytes, inside, Within) + Math.Min(Ring(each, nodes, Between), Tree(each, nodes, Between));
    }

    /// <summary>What is left of the speed of N times one: step / (step + all-reduce), the all-reduce not hidden at all.</summary>
    public double Efficiency(double stepSeconds, double bytes, int processes) => stepSeconds / (stepSeconds + Seconds(bytes, processes));

    static double Ring(double bytes, int members, Link link) =>
        (2.0 * (members - 1) / members * bytes / link.BytesPerSecond) + (2 * (members - 1) * link.Latency);

    static double Tree(double bytes, int members, Link link) =>
        members == 1 ? 0 : (2 * bytes / link.BytesPerSecond) + (2 * Math.Ceiling(Math.Log2(members)) * link.Latency);
}
