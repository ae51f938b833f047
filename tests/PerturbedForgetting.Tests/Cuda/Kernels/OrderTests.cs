using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tests.Tensors.OpsTests;
using Operation = PerturbedForgetting.Tensors.Catalogue.Operation;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>The bits of every operation of the catalogue, computed by the project's own kernels, do not depend on the order in which blocks
/// begin, warps take turns and the sides of branches go.</summary>
[TestFixture]
sealed class OrderTests
{
    readonly Dictionary<ProductUnits, Device[]> opened = [];

    static IEnumerable<TestCaseData> Operations() =>
        from operation in OperationCatalogue.All
        from units in (ProductUnits[])[ProductUnits.Float32, ProductUnits.Tf32, ProductUnits.Bfloat16]
        where ProductsOf(units).Any(operation.Name.StartsWith)
        select new TestCaseData(operation, units).SetArgDisplayNames(operation.Name, units.ToString());

    /// <summary>What computes otherwise with these units.</summary>
    static string[] ProductsOf(ProductUnits units) => units switch
    {
        ProductUnits.Tf32 => ["MatMul", "Linear", "Conv2d", "Attention"],
        ProductUnits.Bfloat16 => ["Attention"],
        _ => [""],
    };

    [OneTimeTearDown]
    public void Close()
    {
        foreach (Device device in opened.Values.SelectMany(static d => d))
            device.Dispose();
    }

    [TestCaseSource(nameof(Operations))]
    public void BitsAreTheSame(Operation operation, ProductUnits units)
    {
        Device[] devices = Open(units);
        Shape[][] all = [.. operation.Small, .. operation.Edges];
        foreach (Shape[] shapes in EnvironmentVariables.AllTests.Value is "1" ? all : [all[0], all[^1]])
        {
            var run = new OperationRun(operation, shapes);
            float[][] expected = run.On(devices[0]), actual = run.On(devices[1]);
            for (int i = 0; i < expected.Length; i++)
                Assert.That(actual[i].AsSpan().SequenceEqual(expected[i]), $"{run.Words(i)} in another order");
        }
    }

    /// <summary>Two devices without NVIDIA's libraries and of different orders.</summary>
    Device[] Open(ProductUnits units)
    {
        if (!opened.TryGetValue(units, out Device[]? devices))
            opened.Add(units, devices = [Open(units, Random.Shared.Next()), Open(units, Random.Shared.Next())]);
        return devices;
    }

    static Device Open(ProductUnits units, int seed)
    {
        TestContext.Progress.WriteLine($"kernels ({units}) in the order of seed {seed}");
        var driver = new SimulatedDriver(new SimulatedDeviceOptions { ShuffleSeed = seed });
        DeviceOptions options = new()
        {
            AllowTf32 = units != ProductUnits.Float32,
            RoundsAttentionToBfloat16 = units == ProductUnits.Bfloat16,
        };
        return Device.OpenCuda(CudaDevice.All(driver.Api)[0], CudaLibraries.None, "sim", options, driver);
    }
}
