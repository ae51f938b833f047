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
/// <param name="Float32">Multiplications and additions in float32 in a second, outside the tensor cores, in units of 10¹².</param>
/// <param name="Tf32">Likewise in the tensor cores, on operands in TF32, dense: data sheets often state twice as many, with every second
/// factor zero.</param>
/// <param name="Bfloat16">Likewise on operands in bfloat16 with sums in float32.</param>
public sealed record Card(string Name, string Title, int ComputeCapability, int Multiprocessors, int MemoryGibibytes, int L2Mebibytes,
    int MemoryBusBits, double Bandwidth, int ClockMegahertz, double Float32, double Tf32, double Bfloat16)
{
    /// <summary>All that are known, in the order of their capabilities.</summary>
    public static ImmutableArray<Card> All { get; } =
    [
        new("a100", "NVIDIA A100-SXM4-40GB", 80, 108, 40, 40, 5120, 1555, 1410, 19.5, 156, 312),
        new("a100-80gb", "NVIDIA A100-SXM4-80GB", 80, 108, 80, 40, 5120, 2039, 1410, 19.5, 156, 312),
        new("a30", "NVIDIA A30", 80, 56, 24, 24, 3072, 933, 1440, 10.3, 82, 165),
        new("a10", "NVIDIA A10", 86, 72, 24, 6, 384, 600, 1695, 31.2, 62.5, 125),
        new("a40", "NVIDIA A40", 86, 84, 48, 6, 384, 696, 1740, 37.4, 74.8, 149.7),
        new("rtxa6000", "NVIDIA RTX A6000", 86, 84, 48, 6, 384, 768, 1800, 38.7, 77.4, 154.8),
        new("rtx3060", "NVIDIA GeForce RTX 3060", 86, 28, 12, 3, 192, 360, 1777, 12.7, 12.7, 25.5),
        new("rtx3080", "NVIDIA GeForce RTX 3080", 86, 68, 10, 5, 320, 760, 1710, 29.8, 29.8, 59.5),
        new("rtx3090", "NVIDIA GeForce RTX 3090", 86, 82, 24, 6, 384, 936, 1695, 35.6, 35.6, 71),
        new("rtx4080", "NVIDIA GeForce RTX 4080", 89, 76, 16, 64, 256, 717, 2505, 48.7, 48.7, 97.5),
        new("rtx4090", "NVIDIA GeForce RTX 4090", 89, 128, 24, 72, 384, 1008, 2520, 82.6, 82.6, 165.2),
        new("l4", "NVIDIA L4", 89, 58, 24, 48, 192, 300, 2040, 30.3, 60, 121),
        new("l40s", "NVIDIA L40S", 89, 142, 48, 96, 384, 864, 2520, 91.6, 183, 362),
        new("h100", "NVIDIA H100 80GB HBM3", 90, 132, 80, 50, 5120, 3350, 1980, 66.9, 494.7, 989.4),
        new("h100-pcie", "NVIDIA H100 PCIe", 90, 114, 80, 50, 5120, 2000, 1755, 51.2, 378, 756),
        new("h200", "NVIDIA H200", 90, 132, 141, 50, 6144, 4800, 1980, 66.9, 494.7, 989.4),
    ];

    /// <summary>What its capability limits.</summary>
    public CapabilityLimits Limits => CapabilityLimits.Of(ComputeCapability);

    /// <summary>The memory's clock in kHz; it moves its bus's width twice a cycle.</summary>
    public int MemoryClockKilohertz => (int)(Bandwidth * 1e6 * 8 / (2 * MemoryBusBits));

    /// <summary>The card of a name, in capitals or not; null when there is none.</summary>
    public static Card? Find(string name) => All.FirstOrDefault(card => card.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The card that a driver calls so; null when it is not known.</summary>
    public static Card? OfTitle(string title) => All.FirstOrDefault(card => card.Title == title);

    /// <inheritdoc/>
    public override string ToString() => Title;
}
