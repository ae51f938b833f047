using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Results and gradients have the same bits for any number of threads.</summary>
[TestFixture]
[NonParallelizable]
sealed class ThreadEqualityTests
{
    int threads;

    [SetUp]
    public void Remember() => threads = WorkerPool.Threads;

    [TearDown]
    public void Restore() => WorkerPool.Threads = threads;

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
        yield return Case("MaxPool2d", x => Ops.MaxPool2d(x[0], 3, 2, 1), [3, 21, 17, 70]);
        yield return Case("AvgPool2d", x => Ops.AvgPool2d(x[0], 3, 2, 1), [3, 21, 17, 70]);
        yield return Case("GlobalAvgPool2d", x => Ops.GlobalAvgPool2d(x[0]), [30, 21, 17, 70]);

        static Tensor Vector(double value) => Tensor.Empty([37]).Fill(value);

        static TestCaseData Case(string name, Func<Parameter[], Tensor> run, params Shape[] shapes) => new TestCaseData(run, shapes).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Operations))]
    public void BitsAreTheSame(Func<Parameter[], Tensor> run, Shape[] shapes)
    {
        float[][] expected = Results(1);
        foreach (int threads in new[] { 2, 3 })
        {
            float[][] actual = Results(threads);
            for (int i = 0; i < expected.Length; i++)
                Assert.That(actual[i].AsSpan().SequenceEqual(expected[i]), $"result {i} with {threads} threads");
        }

        float[][] Results(int threads)
        {
            WorkerPool.Threads = threads;
            using var scope = Scope.Begin();
            Parameter[] inputs = [.. shapes.Select((s, i) => new Parameter(GradientCheck.Normal(s, (ulong)i, DType.Float32)))];
            Tensor y = run(inputs);
            y.Backward(GradientCheck.Normal(y.Shape, 99, DType.Float32));
            return [y.ToArray<float>(), .. inputs.Select(p => p.Grad!.ToArray<float>())];
        }
    }
}
