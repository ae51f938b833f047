using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class BatchNormStatisticsTests(string device) : DeviceFixture(device)
{
    [TestCase(1e4)]
    [TestCase(-3e3)]
    [TestCase(0)]
    public void StatisticsAreExactHoweverLargeTheMean(double offset)
    {
        using var scope = Scope.Begin();
        const int Rows = 5000, Channels = 19;
        float[] values = GradientCheck.Normal([Rows, Channels], 9).ToArray<float>();
        // Outliers in the first rows, which the reference value of the sums is made from.
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((values[i] * (i < 4 * Channels ? 100 : 1)) + offset);
        Tensor x = From(values, [Rows, Channels]), one = Ones([Channels]), zero = Zeros([Channels]);
        Tensor mean = Zeros([Channels]), variance = Zeros([Channels]);
        float[] y = Ops.BatchNorm(x, one, zero, mean, variance, true, 1, 1e-5).ToArray<float>();
        for (int c = 0; c < Channels; c++)
        {
            double[] channel = Enumerable.Range(0, Rows).Select(r => (double)values[(r * Channels) + c]).ToArray();
            double expected = channel.Average(), square = channel.Sum(v => (v - expected) * (v - expected));
            double deviation = Math.Sqrt(square / Rows);
            Assert.That(mean.ToArray<float>()[c], Is.EqualTo(expected).Within((1e-7 * deviation) + (6e-8 * Math.Abs(expected))));
            Assert.That(variance.ToArray<float>()[c], Is.EqualTo(square / (Rows - 1)).Within(1e-6 * square / Rows));
            for (int r = 0; r < Rows; r += 97)
            {
                // Half of the variance's error, and some roundings.
                double normalised = (channel[r] - expected) / Math.Sqrt((square / Rows) + 1e-5);
                Assert.That(y[(r * Channels) + c], Is.EqualTo(normalised).Within(2e-7 + (8e-7 * Math.Abs(normalised))));
            }
        }
    }
}
