using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>What the software GPU refuses of shared memory and grids, as the driver's documentation has it.</summary>
sealed class CardLimitTests
{
    static IEnumerable<Card> Cards => Card.All;

    /// <summary>Capabilities and opt-in limits of the programming guide's table.</summary>
    static readonly Dictionary<int, int> optIn = new() { [80] = 163 << 10, [86] = 99 << 10, [89] = 99 << 10, [90] = 227 << 10 };

    [TestCaseSource(nameof(Cards))]
    public void ABlockMayHaveWhatTheCapabilityAllows(object value)
    {
        var card = (Card)value;
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1 }.As(card));
        CudaKernel kernel = gpu.Module.GetKernel("shared");
        int most = optIn[card.ComputeCapability] - kernel.SharedBytes;
        Assert.Multiple(() =>
        {
            Assert.That(gpu.Device.Name, Is.EqualTo($"Software GPU as {card.Title}"));
            Assert.That(gpu.Device.MultiprocessorCount, Is.EqualTo(card.Multiprocessors));
            Assert.That(gpu.Device.TotalMemory, Is.EqualTo((long)card.MemoryGibibytes << 30));
            Assert.That(gpu.Device.Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn), Is.EqualTo(optIn[card.ComputeCapability]));
            Assert.That(kernel.Attribute(CudaFunctionAttribute.MaxDynamicSharedSizeBytes), Is.EqualTo((48 << 10) - kernel.SharedBytes));
        });
        Launches(48 << 10, isAllowed: false);
        Launches((48 << 10) - kernel.SharedBytes + 1, isAllowed: false);
        Launches((48 << 10) - kernel.SharedBytes, isAllowed: true);
        Assert.That(() => kernel.AllowDynamicShared(most + 1), Throws.TypeOf<CudaException>()
            .With.Property(nameof(CudaException.Result)).EqualTo(CudaResult.InvalidValue));
        kernel.AllowDynamicShared(most);
        Launches(most, isAllowed: true);
        Launches(most + 1, isAllowed: false);

        void Launches(int bytes, bool isAllowed)
        {
            void Launch() => kernel.Launch(gpu.Context.DefaultStream, 1, 32, bytes);
            if (isAllowed)
                Assert.That(Launch, Throws.Nothing);
            else
                Assert.That(Launch, Throws.TypeOf<CudaException>()
                    .With.Property(nameof(CudaException.Result)).EqualTo(CudaResult.InvalidValue));
        }
    }

    [TestCase(int.MaxValue, 1, 1)]
    [TestCase(1, 65535, 1)]
    [TestCase(1, 1, 65535)]
    public void AGridMayBeSoLargeAndNoLarger(int x, int y, int z)
    {
        var largest = new Dim3(x, y, z);
        Assert.That((CapabilityLimits.GridX, CapabilityLimits.GridY, CapabilityLimits.GridZ), Is.EqualTo((int.MaxValue, 65535, 65535)));
        using var gpu = new SmallGpu();
        CudaKernel kernel = gpu.Module.GetKernel("shared");
        var larger = new Dim3(x == 1 ? 1 : unchecked(x + 1), y == 1 ? 1 : y + 1, z == 1 ? 1 : z + 1);
        Assert.That(() => kernel.Launch(gpu.Context.DefaultStream, larger, 32, 0), Throws.TypeOf<CudaException>()
            .With.Property(nameof(CudaException.Result)).EqualTo(CudaResult.InvalidValue).And.Message.Contains("65535"), $"{largest}");
    }
}
