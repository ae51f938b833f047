using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What the PTX that ships tells the assembler: how many blocks an SM shall hold, from which follow the registers of a thread, and
/// which numbers nobody writes, so that they may come from a cache that sees no writes.</summary>
public partial class KernelBoundsTests
{
    /// <summary>Threads of an SM that a kernel which memory binds leaves room for: half of 2048, two thirds of 1536. Their loads of 16
    /// bytes are what the widest memory has under way (kernels/include/device.cuh).</summary>
    const int MemoryBound = 1024;

    // Beginnings of names; fewer threads than MemoryBound, and why that is right.
    static readonly (string Name, int Threads, string Reason)[] fewerThreads =
    [
        ("gemm_", 512, "arithmetic: an 8 x 8 part a thread, 16 multiply-adds a load of 16 bytes of shared memory"),
        ("attention_mma_", 256, "tensor cores: a warp's accumulators and the tiles; two blocks, of which one loads"),
        ("attention_", 512, "arithmetic: 4 rows a thread, 8 and more multiply-adds a load of 16 bytes of shared memory"),
    ];

    // Beginnings of names; no block size, and why none is needed.
    static readonly (string Name, string Reason)[] anyBlock =
    [
        ("memory_", "copies and conversions of a few registers"),
        ("scalars_", "one thread"),
        ("lerp_tensor", "a few registers"),
        ("batch_norm_frozen", "a number a channel"),
    ];

    // Beginnings of names; global memory that is read but not as an input, and why.
    static readonly (string Name, string Reason)[] readsWhatIsWritten =
    [
        ("elementwise_", "the output may be an input"),
        ("relu", "the output may be an input"),
        ("sigmoid", "the output may be an input"),
        ("gelu", "the output may be an input"),
        ("add_broadcast", "the output may be the input"),
        ("combine", "the output may be the input"),
        ("accumulate", "the sum grows"),
        ("adam_update", "weights and moments change"),
        ("sgd_update", "weights and momentum change"),
        ("lerp", "y changes"),
        ("scalars_", "sums and counts grow"),
        ("label_rank_count", "counts grow"),
        ("gemm_", "the product may be added to what is there"),
        ("layer_norm_backward", "gradients may be added to what is there; the last block adds the others' parts"),
        ("layer_norm_tangent_backward", "the tangent of the gradient may be added to what is there"),
        ("batch_norm_tangent_backward", "gradients may be added to what is there; the last block adds the others' parts"),
        ("batch_norm_statistics", "running statistics change; the last block adds the others' parts"),
        ("batch_norm_gradients", "gradients may be added to what is there; the last block adds the others' parts"),
        ("sum_leading", "the last block adds the others' parts"),
        ("squared_norm", "the last block adds the others' parts"),
        ("products", "the last block adds the others' parts"),
        ("cross_entropy", "the last block adds the others' losses"),
        ("binary_cross_entropy", "the last block adds the others' losses"),
        ("output_bias_forget", "the last block adds the others' losses"),
    ];

    // Beginnings of names; nothing is read but what may be the output, or nothing at all.
    static readonly (string Name, string Reason)[] readsNoInput =
    [
        ("elementwise_add", "the output may be an input"),
        ("elementwise_sub", "the output may be an input"),
        ("elementwise_mul", "the output may be an input"),
        ("elementwise_scale", "the output may be the input"),
        ("relu", "the output may be an input"),
        ("sigmoid", "the output may be an input"),
        ("gelu", "the output may be an input"),
        ("memory_fill", "reads nothing"),
    ];

    sealed record Entry(string Name, int Threads, int Blocks, string Body)
    {
        public override string ToString() => Name;

        public bool IsIn<T>((string Name, T)[] table) => table.Any(row => Name.StartsWith(row.Name, StringComparison.Ordinal));
    }

    static IEnumerable<Entry> Kernels() =>
        from file in KernelFiles.Embedded.Names
        let text = Encoding.UTF8.GetString(KernelFiles.Embedded.Read(file))
        from Match entry in EntryText().Matches(text)
        select new Entry(entry.Groups["name"].Value, Number(entry.Groups["threads"], 0) * Number(entry.Groups["rows"], 1),
            Number(entry.Groups["blocks"], 0), entry.Groups["body"].Value);

    static int Number(Group group, int otherwise) => group.Success ? int.Parse(group.Value, CultureInfo.InvariantCulture) : otherwise;

    [GeneratedRegex(@"\.entry\s+(?<name>\w+)\s*\([^)]*\)\s*(?:\.maxntid (?<threads>\d+)(?:, ?(?<rows>\d+), ?\d+)?\s*)?"
        + @"(?:\.minnctapersm (?<blocks>\d+)\s*)?\{(?<body>.*?)^\}", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex EntryText();

    [GeneratedRegex(@"\bld(?:\.global)?(?:\.volatile)?(?:\.v\d)?\.[bfsu]\d+\s")]
    private static partial Regex OrdinaryLoad();

    [Test]
    public void EveryKernelLeavesRoomForOtherBlocks()
    {
        Assert.Multiple(() =>
        {
            foreach (Entry kernel in Kernels())
            {
                if (kernel.IsIn(anyBlock) && kernel.Threads == 0)
                    continue;
                Assert.That(kernel.Threads, Is.Positive, $"{kernel} states no .maxntid");
                int least = fewerThreads.Where(row => kernel.Name.StartsWith(row.Name, StringComparison.Ordinal))
                    .Select(static row => row.Threads).DefaultIfEmpty(MemoryBound).First();
                Assert.That(kernel.Threads * kernel.Blocks, Is.GreaterThanOrEqualTo(least), $"threads of {kernel} on an SM");
                // An SM of sm_86 holds 16 blocks, and the assembler ignores what does not fit.
                Assert.That(kernel.Blocks, Is.LessThanOrEqualTo(16), $"blocks of {kernel}");
            }
        });
    }

    [Test]
    public void InputsAreMarked()
    {
        Assert.Multiple(() =>
        {
            foreach (Entry kernel in Kernels())
            {
                if (!kernel.IsIn(readsNoInput))
                    Assert.That(kernel.Body, Does.Contain("ld.global.nc"), $"{kernel} has no marked input");
                if (!kernel.IsIn(readsWhatIsWritten))
                    Assert.That(OrdinaryLoad().Count(kernel.Body), Is.Zero, $"loads of {kernel} without a mark");
            }
        });
    }
}
