using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>Elementwise kernels against the CPU; both evaluate the same polynomials, with other roundings.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class ActivationsTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 31, 32, 33, 1023, 1025, 8 * 50 * 384];

    static readonly string[] forward = ["relu", "sigmoid", "gelu"];

    [Test]
    public void Forward([ValueSource(nameof(counts))] int count, [ValueSource(nameof(forward))] string name)
    {
        float[] x = Normal(count, 3);
        float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 100, -100, 1e-40f];
        if (name != "gelu" && count > special.Length)
            special.CopyTo(x, 0);
        var kernels = new Activations(Library);
        Action<CudaStream, DevicePointer, DevicePointer, long> launch = name switch { "relu" => kernels.Relu, "sigmoid" => kernels.Sigmoid, _ => kernels.Gelu };
        DeviceBuffer<float> y = Poisoned<float>(count), again = Upload<float>(x);
        launch(Stream, y, Upload<float>(x), count);
        // In place, the same bits.
        launch(Stream, again, again, count);
        AssertClose(Download(y), OnCpu(x, name switch { "relu" => (b, t, r) => b.Relu(t, r), "sigmoid" => (b, t, r) => b.Sigmoid(t, r), _ => (b, t, r) => b.Gelu(t, r) }),
            name == "relu" ? 0 : 6e-7, name == "relu" ? 0 : 6e-7);
        AssertClose(Download(again), Download(y), 0);
        AssertTraffic(name, loaded: 8L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Backward([ValueSource(nameof(counts))] int count, [ValueSource(nameof(forward))] string name)
    {
        float[] dy = Normal(count), other = name == "gelu" ? Normal(count, 3) : name == "sigmoid" ? Uniform(count, 0, 1) : Normal(count).Select(v => Math.Max(v, 0)).ToArray();
        var kernels = new Activations(Library);
        Action<CudaStream, DevicePointer, DevicePointer, DevicePointer, long> launch =
            name switch { "relu" => kernels.ReluBackward, "sigmoid" => kernels.SigmoidBackward, _ => kernels.GeluBackward };
        DeviceBuffer<float> dx = Poisoned<float>(count);
        launch(Stream, dx, Upload<float>(dy), Upload<float>(other), count);
        Tensor expected = Tensor.Empty([count], DType.Float32), g = OnCpu(dy), t = OnCpu(other);
        Backend cpu = expected.Device.Backend;
        (name switch { "relu" => (Action<Tensor, Tensor, Tensor>)cpu.ReluBackward, "sigmoid" => cpu.SigmoidBackward, _ => cpu.GeluBackward })(g, t, expected);
        AssertClose(Download(dx), expected.ToArray<float>(), name == "relu" ? 0 : 1e-6, name == "relu" ? 0 : 2e-6);
        AssertTraffic(name + "_backward", loaded: 8L * count, stored: 4L * count, isCoalesced: count % 128 == 0);
    }

    static float[] OnCpu(float[] x, Action<Backend, Tensor, Tensor> operation)
    {
        Tensor y = Tensor.Empty([x.Length], DType.Float32);
        operation(y.Device.Backend, KernelFixture.OnCpu(x), y);
        return y.ToArray<float>();
    }
}
