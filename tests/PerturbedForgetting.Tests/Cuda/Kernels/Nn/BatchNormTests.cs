using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BatchNormKernelTests(string device) : KernelFixture(device)
{
    /// <summary>The parts are put together by the block that arrives last, which is another in every run; the counters are zero behind
    /// each, so that a graph may repeat it.</summary>
    [Test]
    public void NumbersAreTheSameInEveryRunAndEveryReplay([Values(36, 130)] int channels)
    {
        const int rows = 700;
        Tensor x = Input(Normal(rows * channels), rows, channels), w = Input(Normal(channels)),
            dy = Input(Normal(rows * channels), rows, channels),
            saved = Output(5, channels), dw = Output(channels), dx = Output(rows, channels);
        Pass();
        float[] expected = saved.ToArray<float>(), expectedWeight = dw.ToArray<float>(), expectedInput = dx.ToArray<float>();
        using DeviceGraph graph = Device.Capture(Pass);
        for (int run = 0; run < 3; run++)
        {
            foreach (Tensor output in (Tensor[])[saved, dw, dx])
                output.Fill(double.NaN);
            graph.Launch();
            AssertClose(saved, expected, 0);
            AssertClose(dw, expectedWeight, 0);
            AssertClose(dx, expectedInput, 0);
        }

        void Pass()
        {
            Backend.BatchNormStatistics(x, w, w, 1e-5, saved, null, null, 0.1, null);
            Backend.BatchNormBackward(dy, x, true, null, saved, true, new BatchNormGradients(dx, null, dw, false, null, false));
        }
    }
}
