using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Vision.Models;

namespace Benchmarks;

/// <summary>A model in evaluation mode on one batch of random images, its gradient and products with its Hessian.</summary>
sealed class HessianCase : ILossBatches, IDisposable
{
    const int Classes = 10;

    readonly ImageModel model;
    readonly ParameterArena arena;
    readonly MultiTensorLayout layout;
    readonly LossHessian hessian, keeping;
    readonly KeptTapes kept;
    readonly Tensor images, labels;
    readonly Tensor[] vectors, products;
    readonly ModelSummary summary;

    public HessianCase(StepWorkload workload, int mostVectors)
    {
        using var initialization = Initialization.Begin(1);
        model = ModelRegistry.Create(workload.Model, new() { ImageSize = workload.Pixels });
        summary = ModelSummary.Of(model);
        arena = new ParameterArena(model);
        layout = new MultiTensorLayout(arena);
        images = initialization.Normal([workload.Batch, workload.Pixels, workload.Pixels, 3], 1);
        labels = Tensor.Persistent([workload.Batch], DType.Int32)
            .CopyFrom<int>(Enumerable.Range(0, workload.Batch).Select(static i => i % Classes).ToArray());
        vectors = [.. Enumerable.Range(0, mostVectors).Select(_ => arena.NewBuffer())];
        products = [.. vectors.Select(_ => arena.NewBuffer())];
        for (int i = 0; i < vectors.Length; i++)
            MultiTensorOps.FillNormal(layout, vectors[i], 3, (ulong)i);
        model.Train(false);
        kept = new KeptTapes(images.Device, double.PositiveInfinity);
        hessian = Matrix(null);
        keeping = Matrix(kept);

        LossHessian Matrix(KeptTapes? tapes) =>
            new(model, layout, static (logits, labels) => Ops.CrossEntropy(logits, labels), this, mostVectors) { Tapes = tapes };
    }

    public long Images => images.Shape[0];

    public static string NameOf(StepWorkload workload) =>
        FormattableString.Invariant($"{workload.Model}/{workload.Batch}x{workload.Pixels}");

    public IEnumerable<(Tensor Images, Tensor Labels)> Read(CancellationToken stop) => [(images, labels)];

    /// <summary>Makes a gradient and returns its seconds.</summary>
    public double Gradient()
    {
        double start = Timing.Now();
        using (Scope.Begin())
        {
            arena.ClearGradients();
            Ops.CrossEntropy(model.Call(images), labels).Backward();
        }
        return Timing.Now() - start;
    }

    /// <summary>Makes products with so many vectors at once and returns their seconds.</summary>
    /// <param name="block">How many.</param>
    /// <param name="keeps">Whether what does not depend on the vectors is there from the product before, if there was one.</param>
    public double Products(int block, bool keeps)
    {
        double start = Timing.Now();
        (keeps ? keeping : hessian).Multiply(vectors[..block], products[..block]);
        return Timing.Now() - start;
    }

    /// <summary>Most bytes of tensors at a time, beside the weights, while something is made and nothing is kept before.</summary>
    public double Peak(Func<double> make)
    {
        kept.Clear();
        var device = images.Device;
        device.Trim();
        device.ResetPeak();
        long before = device.Memory.Live;
        make();
        return device.Memory.Peak - before;
    }

    /// <summary>Multiply-adds of a product with the Hessian, in blocks, over those of a gradient. A layer takes three products of matrices
    /// for a gradient, and two and six a vector: its weights' gradient is not needed. The first, whose input has neither tangent nor
    /// gradient, takes two, and one and two a vector; attention, which has no weights, three, and three and six a vector. What is not a
    /// vector's is not made again where it is kept.</summary>
    public double Counted(int block, bool keeps)
    {
        double gradient = 0, product = 0;
        bool isFirst = true;
        foreach (var layer in summary.Layers.Where(static l => l.MultiplyAdds > 0))
        {
            int weights = layer.Parameters > 0 ? 1 : 0;
            gradient += (isFirst ? 2 : 3) * (double)layer.MultiplyAdds;
            product += ((keeps ? 0 : isFirst ? 1 : 3 - weights) + ((isFirst ? 2 : 6) * block)) * (double)layer.MultiplyAdds;
            isFirst = false;
        }
        return product / block / gradient;
    }

    public void Dispose()
    {
        kept.Dispose();
        layout.Dispose();
        arena.Dispose();
        images.Dispose();
        labels.Dispose();
    }
}
