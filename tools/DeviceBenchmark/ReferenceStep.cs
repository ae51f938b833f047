using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace DeviceBenchmark;

/// <summary>
/// What a step of the reference launches, counted from its operations: PyTorch 2.0, eager, float32 with TF32 in products, one kernel for
/// each operation that PyTorch does not fuse, no copies that a layout may need, no kernels beside the main one of a convolution. It is a
/// bound from below like that of our own step: bytes are those that each operation must move.
/// </summary>
/// <param name="sum">Receives the launches.</param>
/// <param name="summary">Of the model.</param>
/// <param name="sizes">Elements of each parameter.</param>
/// <param name="shape">What is trained.</param>
sealed class ReferenceStep(RooflineSum sum, ModelSummary summary, IReadOnlyList<long> sizes, TrainingShape shape)
{
    const string Elementwise = "elementwise", Reduction = "reduction", Copy = "copy", Product = "cublas gemm",
        Convolution = "cudnn convolution";

    readonly long images = shape.Chunk;
    readonly bool isTransformer = summary.Layers.Any(l => l.Type == nameof(LayerNorm));

    /// <summary>Adds a step: for each chunk two passes, the perturbation between them and the accumulation behind them; then the
    /// update.</summary>
    public void Add()
    {
        int chunks = shape.Batch / shape.Chunk;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            if (chunk > 0)
                EachTensor(Copy, reads: 1, writes: 1);
            EachTensor(Copy, reads: 1, writes: 1);
            Pass();
            OutputBiasForget();
            Norm();
            Foreach(reads: 1, writes: 1);
            Foreach(reads: 2, writes: 1);
            Pass();
            Loss();
            EachTensor(Copy, reads: 1, writes: 1);
            if (chunks > 1)
                Foreach(reads: 1, writes: 1);
            if (chunk > 0)
                Foreach(reads: 2, writes: 1);
        }
        Update();
    }

    void Update()
    {
        if (shape.ClipNorm > 0)
        {
            Norm();
            Foreach(reads: 1, writes: 1);
        }
        if (!shape.Method.IsAdam)
        {
            // Decay, momentum, gradient added, weights moved: a loop over the tensors.
            EachTensor(Elementwise, reads: 1, writes: 1);
            EachTensor(Elementwise, reads: 1, writes: 1);
            EachTensor(Elementwise, reads: 2, writes: 1);
            EachTensor(Elementwise, reads: 2, writes: 1);
            return;
        }
        // Decay; two operations for each moment; root, correction and epsilon of the denominator; weights moved.
        foreach ((int reads, int writes) in ((int, int)[])[(1, 1), (1, 1), (2, 1), (1, 1), (2, 1), (1, 1), (1, 1), (1, 1), (3, 1)])
            Foreach(reads, writes);
    }

    /// <summary>Forward and backward through all layers.</summary>
    void Pass()
    {
        // Elements of the activation at hand and of the residual block's input.
        long x = images * shape.Pixels * shape.Pixels * 3, block = 0;
        bool isFirst = true;
        foreach (LayerSummary layer in summary.Layers.Where(l => l.Type != nameof(Parameter)))
        {
            long y = images * layer.Output.Count;
            bool isShortcut = layer.Name.Contains("downsample", StringComparison.Ordinal);
            switch (layer.Type)
            {
                case nameof(Conv2d) when isFirst && isTransformer:
                    Patches(layer, x, y);
                    break;
                case nameof(Conv2d):
                    long input = !isFirst && (isShortcut || layer.Name.EndsWith("conv1", StringComparison.Ordinal)) ? block : x;
                    Convolve(layer, input, y, isFirst);
                    break;
                case nameof(BatchNorm2d):
                    bool isLast = layer.Name.EndsWith("bn3", StringComparison.Ordinal);
                    BatchNorm(y, isLast, block, hasRelu: !isShortcut);
                    block = isLast ? y : block;
                    break;
                case nameof(MaxPool2d):
                    MaxPool(x, y);
                    block = y;
                    break;
                case nameof(LayerNorm):
                    LayerNormalize(y);
                    break;
                case "Attention":
                    Attend(layer, y);
                    break;
                default:
                    Apply(layer, y, block);
                    break;
            }
            (x, isFirst) = (y, false);
        }
    }

    /// <summary>A linear layer, with what stands around it: pooling before the classifier, activation and residual sum behind.</summary>
    void Apply(LayerSummary layer, long y, long block)
    {
        bool isHead = layer.Output.Rank == 1, isHidden = layer.Name.EndsWith("fc1", StringComparison.Ordinal);
        bool isBranchEnd = layer.Name.EndsWith("attn.proj", StringComparison.Ordinal)
            || layer.Name.EndsWith("fc2", StringComparison.Ordinal);
        long weights = layer.MultiplyAdds / layer.Output.Count * layer.Output[-1], x = images * layer.MultiplyAdds / layer.Output[-1];
        if (isHead && !isTransformer)
            Pool(block, x);
        Multiply(layer, x, y, weights);
        if (isHidden)
        {
            Launch(Elementwise, y, y);
            Launch(Elementwise, 2 * y, y);
        }
        if (isBranchEnd)
            Residual(y);
    }

    void Multiply(LayerSummary layer, long x, long y, long weights)
    {
        long operations = 2 * images * layer.MultiplyAdds;
        Launch(Product, x + weights, y, operations);
        Launch(Product, y + weights, x, operations);
        Launch(Product, y + x, weights, operations);
        Launch(Reduction, y, layer.Output[-1]);
    }

    /// <summary>A convolution without overlap, its bias and the positions.</summary>
    void Patches(LayerSummary layer, long x, long y)
    {
        long weights = layer.MultiplyAdds / layer.Output.Count * layer.Output[-1], operations = 2 * images * layer.MultiplyAdds;
        Launch(Convolution, x + weights, y, operations);
        Launch(Convolution, x + y, weights, operations);
        Launch(Elementwise, y, y);
        Launch(Elementwise, y, y);
        // Gradients of the bias and of the positions.
        Launch(Reduction, y, layer.Output[-1]);
        Launch(Reduction, y, y / images);
    }

    void Convolve(LayerSummary layer, long x, long y, bool isFirst)
    {
        long weights = layer.Parameters, operations = 2 * images * layer.MultiplyAdds;
        Launch(Convolution, x + weights, y, operations);
        Launch(Convolution, x + y, weights, operations);
        // Images have no gradient.
        if (!isFirst)
            Launch(Convolution, y + weights, x, operations);
    }

    void BatchNorm(long y, bool isLast, long block, bool hasRelu)
    {
        // The input is read for the statistics and again; likewise input and gradient in the backward pass. A counter is increased.
        Launch("batch norm", 2 * y, y);
        Launch(Elementwise, 1, 1);
        Launch("batch norm", 4 * y, y);
        if (isLast)
        {
            Launch(Elementwise, 2 * y, y);
            // The gradients of both ways into the block.
            Launch(Elementwise, 2 * block, block);
        }
        if (hasRelu)
        {
            Launch(Elementwise, y, y);
            Launch(Elementwise, 2 * y, y);
        }
    }

    // The places are int64.
    void MaxPool(long x, long y)
    {
        Launch("pooling", x, 3 * y);
        Launch("fill", 0, x);
        Launch("pooling", 3 * y, x);
    }

    void Pool(long x, long y)
    {
        Launch(Reduction, x, y);
        Launch(Elementwise, y, x);
    }

    void LayerNormalize(long y)
    {
        // The norm behind the pooling.
        if (y == images * summary.Layers[^1].MultiplyAdds / summary.Layers[^1].Output[-1])
            Pool(images * summary.Layers.First(l => l.Type == nameof(LayerNorm)).Output.Count, y);
        Launch("layer norm", y, y);
        Launch("layer norm", 2 * y, y);
        Launch("layer norm", 2 * y, 0);
    }

    /// <summary>One kernel forward; backward its row sums (a product and a sum), the kernel, which computes the scores again, and the
    /// gradients of query, key and value stacked and brought into the order of the product before.</summary>
    void Attend(LayerSummary layer, long y)
    {
        long products = 2 * images * layer.MultiplyAdds;
        Launch("attention tf32", 3 * y, y, products);
        Launch(Elementwise, 2 * y, y);
        Launch(Reduction, y, 0);
        Launch("attention tf32", 5 * y, 3 * y, products * 5 / 2);
        Launch(Copy, 3 * y, 3 * y);
        Launch(Copy, 3 * y, 3 * y);
    }

    // Forward the sum, backward that of the gradients.
    void Residual(long y)
    {
        Launch(Elementwise, 2 * y, y);
        Launch(Elementwise, 2 * y, y);
    }

    long Logits => images * shape.Classes;

    /// <summary>Cross entropy: two kernels each way and a fill; or the binary form: targets, some elementwise operations, two
    /// sums.</summary>
    void Loss()
    {
        int small = shape.IsBinary ? 12 : 5;
        Launch(Elementwise, 2 * Logits, Logits, 0, small);
        Launch(Reduction, Logits, 0, 0, shape.IsBinary ? 2 : 0);
    }

    /// <summary>Some thirty operations on numbers of the size of the logits, or of one a sample.</summary>
    void OutputBiasForget()
    {
        Launch(Elementwise, 2 * Logits, Logits, 0, 13);
        Launch(Elementwise, images, images, 0, 14);
        Launch(Reduction, Logits, images, 0, 2);
    }

    /// <summary>Norms of all tensors, stacked, and the norm of those; then a small constant is added.</summary>
    void Norm()
    {
        Foreach(reads: 1, writes: 0);
        Launch(Reduction, sizes.Count, sizes.Count, 0, 4);
    }

    void EachTensor(string name, int reads, int writes)
    {
        foreach (long size in sizes)
            Launch(name, reads * size, writes * size);
    }

    /// <summary>An operation on lists of tensors: a launch takes at most so many chunks of 65,536 elements, and so many tensors by the
    /// number of lists (PyTorch's MultiTensorApply.cuh).</summary>
    void Foreach(int reads, int writes)
    {
        const long chunk = 65536, chunks = 320;
        int tensors = Math.Max(reads, reads + writes - 1) switch { <= 1 => 110, 2 => 64, 3 => 48, _ => 36 };
        long blocks = 0, elements = 0;
        int taken = 0;
        foreach (long size in sizes)
        {
            taken++;
            for (long left = size; left > 0; left -= chunk)
            {
                elements += Math.Min(left, chunk);
                if (++blocks == chunks)
                    Flush();
            }
            if (taken >= tensors)
                Flush();
        }
        Flush();

        void Flush()
        {
            if (elements > 0)
                Launch("foreach", reads * elements, writes * elements);
            (blocks, elements, taken) = (0, 0, 0);
        }
    }

    /// <summary>Adds launches that read and write so many float32.</summary>
    void Launch(string name, long reads, long writes, long operations = 0, long times = 1)
    {
        if (times > 0)
            sum.Add(name, new LaunchCost(sizeof(float) * reads, sizeof(float) * writes, operations), times);
    }
}
