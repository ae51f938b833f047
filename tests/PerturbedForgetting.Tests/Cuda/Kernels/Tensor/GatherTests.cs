using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class GatherTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1, 1)]
    [TestCase(33, 31, 7)]
    [TestCase(5, 1025, 3)]
    public void RowsAndOneHot(int rows, int columns, int from)
    {
        float[] x = Normal(from * columns);
        int[] index = Whole(rows, from), labels = Whole(rows, columns);
        DeviceBuffer<float> y = Poisoned<float>(rows * columns), oneHot = Poisoned<float>(rows * columns);
        var kernels = new Gather(Library);
        kernels.Launch(Stream, y, Upload<float>(x), Upload<int>(index), rows, columns);
        kernels.OneHot(Stream, oneHot, Upload<int>(labels), rows, columns);
        AssertClose(Download(y), index.SelectMany(i => x[(i * columns)..((i + 1) * columns)]).ToArray(), 0);
        AssertClose(Download(oneHot), labels.SelectMany(l => Enumerable.Range(0, columns).Select(c => c == l ? 1f : 0)).ToArray(), 0);
    }
}
