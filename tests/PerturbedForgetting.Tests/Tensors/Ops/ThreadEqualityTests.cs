using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Results and gradients have the same bits for any number of threads of the CPU, and nothing stays allocated.</summary>
[TestFixture]
sealed class ThreadEqualityTests : ThreadsFixture
{
    static IEnumerable<TestCaseData> Operations()
    {
        yield return Case("Linear", x => Ops.Linear(x[0], x[1], x[2]), [700, 130], [67, 130], [67]);
        yield return Case("LinearGelu", x => Ops.LinearGelu(x[0], x[1], x[2]), [700, 130], [67, 130], [67]);
        yield return Case("MatMul", x => Ops.MatMul(x[0], x[1]), [7, 65, 33], [7, 33, 70]);
        yield return Case("Conv2d", x => Ops.Conv2d(x[0], x[1], x[2], 2, 1), [5, 19, 23, 16], [24, 3, 3, 16], [24]);
        foreach (bool training in new[] { true, false })
        {
            yield return Case($"BatchNorm {training}", x => Ops.BatchNorm(x[0], x[1], x[2], Vector(0), Vector(1), training, relu: true), [9, 33, 31, 37], [37], [37]);
            yield return Case($"BatchNorm with residual {training}",
                x => Ops.BatchNorm(x[0], x[1], x[2], Vector(0), Vector(1), training, residual: x[3], relu: true), [9, 33, 31, 37], [37], [37], [9, 33, 31, 37]);
        }
        yield return Case("BatchNorm of few rows", x => Ops.BatchNorm(x[0], x[1], x[2], Tensor.Zeros([1100]), Tensor.Ones([1100]), true), [50, 1100], [1100], [1100]);
        yield return Case("LayerNorm", x => Ops.LayerNorm(x[0], x[1], x[2], 1e-6), [4, 197, 193], [193], [193]);
        yield return Case("AddLayerNorm", x =>
        {
            (Tensor sum, Tensor normal) = Ops.AddLayerNorm(Ops.Mul(x[0], x[0]), x[1], x[2], x[3], 1e-6);
            return Ops.Add(Ops.Mul(sum, sum), normal);
        }, [4, 57, 193], [4, 57, 193], [193], [193]);
        yield return Case("MaxPool2d", x => Ops.MaxPool2d(x[0], 3, 2, 1), [3, 21, 17, 70]);
        yield return Case("AvgPool2d", x => Ops.AvgPool2d(x[0], 3, 2, 1), [3, 21, 17, 70]);
        yield return Case("GlobalAvgPool2d", x => Ops.GlobalAvgPool2d(x[0]), [30, 21, 17, 70]);
        yield return Case("Attention", x => Ops.Attention(x[0], 3, 0.2), [3, 50, 3 * 3 * 32]);
        yield return Case("Attention of one long sequence", x => Ops.Attention(x[0], 1, 0.2), [1, 330, 3 * 64]);
        yield return Case("Dropout", x => Ops.Dropout(x[0], 0.3, true, new DropoutStream(2)), [100_003]);
        yield return Case("Softmax", x => Ops.Softmax(x[0]), [613, 197]);
        yield return Case("LogSoftmax", x => Ops.LogSoftmax(x[0]), [99, 1000]);
        yield return Case("Permute", x => Ops.Permute(x[0], 0, 2, 1), [3, 197, 211]);
        yield return Case("Mean", x => Ops.Mean(x[0], 1), [9, 197, 111]);
        yield return Case("Concat", x => Ops.Concat(1, Ops.Expand(x[1], 20), x[0]), [20, 49, 192], [1, 1, 192]);
        yield return Case("EmbedTokens", x => Ops.EmbedTokens(x[0], x[1], x[2]), [20, 49, 192], [1, 1, 192], [1, 50, 192]);
        yield return Case("Patches", x => Ops.Patches(x[0], 7), [5, 56, 63, 3]);
        yield return Case("Slice", x => Ops.Slice(x[0], 1, 3, 100), [9, 197, 111]);
        Shape large = [37, 2111];
        yield return Case("Add", x => x[0] + x[1], large, large);
        yield return Case("Mul", x => x[0] * x[1], large, large);
        yield return Case("Relu", x => Ops.Relu(x[0]), large);
        yield return Case("Gelu", x => Ops.Gelu(x[0]), large);
        yield return Case("Sigmoid", x => Ops.Sigmoid(x[0]), large);
        yield return Case("AddBroadcast", x => Ops.AddBroadcast(x[0], x[1]), large, [2111]);
        yield return Case("AddBroadcast of many rows", x => Ops.AddBroadcast(x[0], x[1]), [4000, 21], [21]);
        yield return Case("Sum", x => Ops.Sum(x[0]), large);
        yield return Case("CrossEntropy", x => Ops.CrossEntropy(x[0], Labels(), 0.1), [128, 1000]);
        yield return Case("BinaryCrossEntropy", x => Ops.BinaryCrossEntropy(x[0], Labels(), 0.1), [128, 1000]);
        yield return Case("OutputBiasForget", x => Ops.OutputBiasForget(x[0], Labels(), 1000, 1), [128, 1000]);
        yield return Case("OutputBiasForget of softmax", x => Ops.OutputBiasForget(x[0], Labels(), 1000, 1, sigmoid: false), [128, 1000]);

        static Tensor Vector(double value) => Tensor.Empty([37]).Fill(value);

        static Tensor Labels() => Tensor.From(Enumerable.Range(0, 128).Select(i => i * 7).ToArray(), [128]);

        static TestCaseData Case(string name, Func<Parameter[], Tensor> run, params Shape[] shapes) => new TestCaseData(run, shapes).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Operations))]
    public void BitsAreTheSame(Func<Parameter[], Tensor> run, Shape[] shapes)
    {
        long live = Device.Cpu.Memory.Live;
        float[][] expected = Results(1);
        foreach (int threads in new[] { 2, 5, 64 })
        {
            float[][] actual = Results(threads);
            for (int i = 0; i < expected.Length; i++)
                Assert.That(actual[i].AsSpan().SequenceEqual(expected[i]), $"result {i} with {threads} threads");
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live), "bytes left");

        float[][] Results(int threads)
        {
            WorkerPool.Threads = threads;
            using var scope = Scope.Begin();
            Parameter[] inputs = [.. shapes.Select((s, i) => new Parameter(GradientCheck.Normal(s, (ulong)i)))];
            Tensor y = run(inputs);
            y.Backward(GradientCheck.Normal(y.Shape, 99));
            float[][] results = [y.ToArray<float>(), .. inputs.Select(p => p.Grad!.ToArray<float>())];
            foreach (Parameter input in inputs)
                input.Grad!.Dispose();
            return results;
        }
    }
}
