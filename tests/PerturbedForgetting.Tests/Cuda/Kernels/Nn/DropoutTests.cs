using PerturbedForgetting.Tensors;
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
        Tensor y = Output(count);
        Backend.Dropout(Input(x), p, new(seed, sequence), y);
        Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Dropout(OnCpu(x), p, new(seed, sequence), expected);
        AssertClose(y, expected, 0);
    }

    [Test]
    public void TheCounterIsAddedToTheSequence([Values(1, 1025)] int count)
    {
        float[] x = Normal(count);
        ulong counter = (ulong)Random.NextInt64();
        Tensor counted = Output(count), plain = Output(count), source = Input(x);
        Backend.Dropout(source, 0.5, new(7, Streams.Dropout + 3, Input([(long)counter])), counted);
        Backend.Dropout(source, 0.5, new(7, Streams.Dropout + 3 + counter), plain);
        AssertClose(counted, plain, 0);
        Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Dropout(OnCpu(x), 0.5, new(7, Streams.Dropout + 3, OnCpu(new[] { (long)counter })), expected);
        AssertClose(counted, expected, 0);
    }
}
