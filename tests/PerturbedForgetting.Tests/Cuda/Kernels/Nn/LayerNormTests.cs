using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class LayerNormKernelTests(string device) : KernelFixture(device)
{
    /// <summary>The parts are added by blocks that arrive last, which are others in every run; the counters are zero behind each. Sums of
    /// parts are whole before they are added to what is there, which gives the same bits as adding them afterwards; dx ends in a product,
    /// which a compiler may fuse with the addition.</summary>
    [Test]
    public void SumsAreTheSameInEveryRunAndAreAddedToWhatIsThere([Values(8, 9, 129, 4097)] int rows, [Values(3, 36)] int columns)
    {
        float[] start = Normal(rows * columns), startWeight = Normal(columns), startBias = Normal(columns);
        Tensor x = Input(Normal(rows * columns), rows, columns), dy = Input(Normal(rows * columns), rows, columns),
            w = Input(Normal(columns)),
            statistics = Input(Uniform(3 * rows, 0.5, 1), rows, 3);
        (float[] dx, float[] dw, float[] db) = Run(accumulate: false);
        for (int run = 0; run < 3; run++)
        {
            (float[] againX, float[] againWeight, float[] againBias) = Run(accumulate: run == 2);
            if (run < 2)
                AssertClose(againX, dx, 0);
            else
                AssertAdded(againX, start, dx);
            AssertClose(againWeight, run < 2 ? dw : [.. startWeight.Zip(dw, (a, b) => a + b)], 0);
            AssertClose(againBias, run < 2 ? db : [.. startBias.Zip(db, (a, b) => a + b)], 0);
        }

        // The product is rounded or not, half a unit of it; the sum is rounded once, half a unit of it.
        static void AssertAdded(float[] actual, float[] before, float[] added)
        {
            for (int i = 0; i < actual.Length; i++)
            {
                double sum = (double)before[i] + added[i], unit = Math.ScaleB(1, -24);
                Assert.That(actual[i], Is.EqualTo(sum).Within(unit * ((2 * Math.Abs(added[i])) + (1.01 * Math.Abs(sum)))), $"element {i}");
            }
        }

        (float[] X, float[] Weight, float[] Bias) Run(bool accumulate)
        {
            Tensor dx = Input(start, rows, columns), dw = Input(startWeight), db = Input(startBias);
            Backend.LayerNormBackward(dy, x, w, statistics, new(dx, accumulate, dw, accumulate, db, accumulate));
            return (dx.ToArray<float>(), dw.ToArray<float>(), db.ToArray<float>());
        }
    }
}
