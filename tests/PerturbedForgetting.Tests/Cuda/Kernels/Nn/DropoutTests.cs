using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class DropoutKernelTests(string device) : KernelFixture(device)
{
    [Test]
    public void EqualsCpuInEveryBit([Values(1, 31, 33, 1023, 1025)] int count, [Values(0, 0.1, 0.5, 1)] double p)
    {
        float[] x = Normal(count);
        ulong seed = (ulong)Random.NextInt64(), sequence = (ulong)Random.NextInt64();
        DeviceBuffer<float> y = Poisoned<float>(count);
        new Dropout(Library).Launch(Stream, y, Upload<float>(x), p, seed, sequence, default, count);
        Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Dropout(OnCpu(x), p, new(seed, sequence), expected);
        AssertClose(Download(y), expected.ToArray<float>(), 0);
    }

    [Test]
    public void TheCounterIsAddedToTheSequence([Values(1, 1025)] int count)
    {
        float[] x = Normal(count);
        ulong counter = (ulong)Random.NextInt64();
        DeviceBuffer<float> counted = Poisoned<float>(count), plain = Poisoned<float>(count), source = Upload<float>(x);
        new Dropout(Library).Launch(Stream, counted, source, 0.5, 7, Streams.Dropout + 3, Upload(counter), count);
        new Dropout(Library).Launch(Stream, plain, source, 0.5, 7, Streams.Dropout + 3 + counter, default, count);
        AssertClose(Download(counted), Download(plain), 0);
        Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Dropout(OnCpu(x), 0.5, new(7, Streams.Dropout + 3, OnCpu(new[] { (long)counter })), expected);
        AssertClose(Download(counted), expected.ToArray<float>(), 0);
    }
}
