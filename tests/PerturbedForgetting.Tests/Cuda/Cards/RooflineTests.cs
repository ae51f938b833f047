using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;

namespace PerturbedForgetting.Tests.Cuda.Cards;

/// <summary>Least times on cards whose numbers are easy.</summary>
sealed class RooflineTests
{
    // 1000 GB/s; 10, 100 and 200 TFLOP/s.
    static readonly Card easy = new("easy", "A card", 80, 100, 40, 40, 5120, 1000, 1000, 10, 100, 200);

    static readonly Roofline roofline = new(easy);

    [TestCase("relu", 3_000_000, 0, 3, Roof.Memory, Description = "3 MB at 1000 GB/s")]
    [TestCase("relu", 100_000, 0, 0.5, Roof.Launch, Description = "0.1 us of bytes")]
    [TestCase("gemm_nn", 1_000_000, 40_000_000, 4, Roof.Compute, Description = "40 MFLOP at 10 TFLOP/s")]
    [TestCase("gemm_tf32_nn", 1_000_000, 40_000_000, 1, Roof.Memory, Description = "0.4 us of operations at 100 TFLOP/s")]
    [TestCase("gemm_tf32_nn", 1_000_000, 400_000_000, 4, Roof.Compute)]
    [TestCase("attention_mma_bf16_64", 1_000_000, 400_000_000, 2, Roof.Compute)]
    [TestCase("cublas sgemm", 1_000_000, 400_000_000, 4, Roof.Compute)]
    [TestCase("cudnn convolution forward", 1_000_000, 400_000_000, 4, Roof.Compute)]
    [TestCase("nothing", 0, 0, 0.5, Roof.Launch)]
    public void TheLongestOfThreeCounts(string name, long bytes, long operations, double microseconds, Roof roof)
    {
        LeastTime least = roofline.Of(name, new LaunchCost(bytes / 2, bytes / 2, operations));
        Assert.That(least.Microseconds, Is.EqualTo(microseconds).Within(1e-9));
        Assert.That(least.Roof, Is.EqualTo(roof));
    }

    [Test]
    public void WithoutTf32LibrariesComputeInFloat32() =>
        Assert.That(new Roofline(easy, AllowsTf32: false).Of("cublas sgemm", new(1, 1, 400_000_000)).Microseconds,
            Is.EqualTo(40).Within(1e-9));

    [Test]
    public void AStepIsTheSumOfItsLaunches()
    {
        var sum = new RooflineSum(roofline);
        sum.Add("relu", new(5_000_000, 5_000_000), launches: 3);
        sum.Add("gemm_nn", new(500_000, 500_000, 100_000_000));
        sum.Add("gemm_nn", new(1, 1, 2));
        Assert.That(sum.Launches, Is.EqualTo(5));
        Assert.That(sum.Cost, Is.EqualTo(new LaunchCost(15_500_001, 15_500_001, 100_000_002)));
        Assert.That(sum.GraphMicroseconds, Is.EqualTo(30 + 10 + 0.5).Within(1e-9));
        Assert.That(sum.EagerMicroseconds, Is.EqualTo(40.5).Within(1e-9), "the host is done after 15");
        Assert.That(sum.ShareOf(Roof.Memory) + sum.ShareOf(Roof.Compute) + sum.ShareOf(Roof.Launch), Is.EqualTo(1).Within(1e-12));
        Assert.That(sum.Entries.Select(e => (e.Name, e.Launches, e.Roof)),
            Is.EqualTo(new[] { ("relu", 3L, Roof.Memory), ("gemm_nn", 2L, Roof.Compute) }));
    }

    [Test]
    public void ManySmallLaunchesAreBoundByTheHost()
    {
        var sum = new RooflineSum(roofline);
        sum.Add("relu", new(4000, 4000), launches: 1000);
        Assert.That((sum.GraphMicroseconds, sum.EagerMicroseconds), Is.EqualTo((500.0, 3000.0)));
        Assert.That(sum.ShareOf(Roof.Launch), Is.EqualTo(1));
    }

    /// <summary>Peaks outside the tensor cores are those of the clock: 64 lanes a multiprocessor at capability 8.0, then 128.</summary>
    [TestCaseSource(nameof(Cards))]
    public void PeaksFitTheClock(Card card)
    {
        int lanes = card.ComputeCapability == 80 ? 64 : 128;
        Assert.That(card.Float32, Is.EqualTo(2e-6 * lanes * card.Multiprocessors * card.ClockMegahertz).Within(1.5).Percent);
        Assert.That(card.Bfloat16 / card.Tf32, Is.EqualTo(2).Within(3).Percent);
        Assert.That(card.Tf32, Is.GreaterThanOrEqualTo(card.Float32));
        Assert.That(Card.OfTitle(card.Title), Is.SameAs(card));
    }

    static IEnumerable<Card> Cards => Card.All;
}
