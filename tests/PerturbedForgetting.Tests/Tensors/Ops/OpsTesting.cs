using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>What the tests of several operations share.</summary>
static class OpsTesting
{
    /// <summary>Standard normals times a factor, as a parameter of the given type.</summary>
    public static Parameter Normal(Shape shape, ulong seed, DType type = DType.Float32, double factor = 1)
    {
        var random = new RandomSequence(seed, 0);
        double[] numbers = new double[shape.Count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = random.NextNormal() * factor;
        return new Parameter(type == DType.Float64
            ? Tensor.Persistent(shape, type).CopyFrom<double>(numbers)
            : Tensor.Persistent(shape).CopyFrom<float>(Array.ConvertAll(numbers, x => (float)x)));
    }

    /// <summary>The labels of a reference case as int32.</summary>
    public static Tensor Labels(Tensor int64) => Tensor.From(Array.ConvertAll(int64.ToArray<long>(), x => (int)x), int64.Shape);

    /// <summary>
    /// Asserts that an operation and its gradients are the same bits on 1, 2, 3 and 5 threads, and that nothing stays allocated.
    /// </summary>
    public static void SameOnAnyThreads(Func<Parameter[], Tensor> run, params Shape[] shapes)
    {
        long live = Device.Cpu.Memory.Live;
        int threads = WorkerPool.Threads;
        try
        {
            List<float[]>? expected = null;
            foreach (int count in new[] { 1, 2, 3, 5 })
            {
                WorkerPool.Threads = count;
                List<float[]> results = Results(run, shapes);
                expected ??= results;
                for (int i = 0; i < results.Count; i++)
                    Assert.That(results[i].AsSpan().SequenceEqual(expected[i]), $"result {i} on {count} threads");
            }
        }
        finally
        {
            WorkerPool.Threads = threads;
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live), "bytes left");
    }

    static List<float[]> Results(Func<Parameter[], Tensor> run, Shape[] shapes)
    {
        Parameter[] inputs = shapes.Select((shape, i) => Normal(shape, (ulong)i + 5)).ToArray();
        List<float[]> results = [];
        using (Scope.Begin())
        {
            Tensor y = run(inputs);
            results.Add(y.ToArray<float>());
            using Parameter upstream = Normal(y.Shape, 99);
            y.Backward(upstream);
        }
        foreach (Parameter input in inputs)
        {
            results.Add(input.Grad!.ToArray<float>());
            input.Grad.Dispose();
            input.Dispose();
        }
        return results;
    }
}
