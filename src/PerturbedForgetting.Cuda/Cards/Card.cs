using System.Collections.Immutable;

namespace PerturbedForgetting.Cuda.Cards;

/// <summary>
/// A GPU that can be bought: its limits and its rates. The software GPU can look like one (<c>card=</c> in
/// <see cref="EnvironmentVariables.SoftwareGpu"/>). Numbers are those of NVIDIA's data sheets and of the architecture's white paper
/// ("NVIDIA A100 Tensor Core GPU Architecture", "NVIDIA Ampere GA102 GPU Architecture", "NVIDIA Ada GPU Architecture", "NVIDIA H100 Tensor
/// Core GPU Architecture").
/// </summary>
/// <param name="Name">What an option calls it: <c>rtx4090</c>.</param>
/// <param name="Title">The product's name, as the driver says it.</param>
/// <param name="ComputeCapability">10·major + minor.</param>
/// <param name="Multiprocessors">Number of multiprocessors.</param>
/// <param name="MemoryGibibytes">Memory of the device.</param>
/// <param name="L2Mebibytes">Its second-level cache.</param>
/// <param name="MemoryBusBits">Width of the memory's bus.</param>
/// <param name="Bandwidth">Bytes that the memory moves in a second, in units of 10⁹.</param>
/// <param name="ClockMegahertz">The multiprocessors' boost clock.</param>
public sealed record Card(string Name, string Title, int ComputeCapability, int Multiprocessors, int MemoryGibibytes, int L2Mebibytes,
    int MemoryBusBits, double Bandwidth, int ClockMegahertz)
{
    /// <summary>All that are known, in the order of their capabilities.</summary>
    public static ImmutableArray<Card> All { get; } =
    [
        new("a100", "NVIDIA A100-SXM4-40GB", 80, 108, 40, 40, 5120, 1555, 1410),
        new("a100-80gb", "NVIDIA A100-SXM4-80GB", 80, 108, 80, 40, 5120, 2039, 1410),
        new("a30", "NVIDIA A30", 80, 56, 24, 24, 3072, 933, 1440),
        new("a10", "NVIDIA A10", 86, 72, 24, 6, 384, 600, 1695),
        new("a40", "NVIDIA A40", 86, 84, 48, 6, 384, 696, 1740),
        new("rtxa6000", "NVIDIA RTX A6000", 86, 84, 48, 6, 384, 768, 1800),
        new("rtx3060", "NVIDIA GeForce RTX 3060", 86, 28, 12, 3, 192, 360, 1777),
        new("rtx3080", "NVIDIA GeForce RTX 3080", 86, 68, 10, 5, 320, 760, 1710),
        new("rtx3090", "NVIDIA GeForce RTX 3090", 86, 82, 24, 6, 384, 936, 1695),
        new("rtx4080", "NVIDIA GeForce RTX 4080", 89, 76, 16, 64, 256, 717, 2505),
        new("rtx4090", "NVIDIA GeForce RTX 4090", 89, 128, 24, 72, 384, 1008, 2520),
        new("l4", "NVIDIA L4", 89, 58, 24, 48, 192, 300, 2040),
        new("l40s", "NVIDIA L40S", 89, 142, 48, 96, 384, 864, 2520),
        new("h100", "NVIDIA H100 80GB HBM3", 90, 132, 80, 50, 5120, 3350, 1980),
        new("h100-pcie", "NVIDIA H100 PCIe", 90, 114, 80, 50, 5120, 2000, 1755),
        new("h200", "NVIDIA H200", 90, 132, 141, 50, 6144, 4800, 1980),
    ];

    /// <summary>What its capability limits.</summary>
    public CapabilityLimits Limits => CapabilityLimits.Of(ComputeCapability);

    /// <summary>The memory's clock in kHz; it moves its bus's width twice a cycle.</summary>
    public int MemoryClockKilohertz => (int)(Bandwidth * 1e6 * 8 / (2 * MemoryBusBits));

    /// <summary>The card of a name, in capitals or not; null when there is none.</summary>
    public static Card? Find(string name) => All.FirstOrDefault(card => card.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public override string ToString() => Title;
}
