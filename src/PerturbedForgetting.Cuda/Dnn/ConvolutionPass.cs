namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>One direction of a convolution of one shape: its convolution descriptor, with the math type of the algorithm in use, and those
/// that can take its place.</summary>
/// <param name="cudnn">The library's handle.</param>
/// <param name="convolution">Descriptor of the convolution, of this direction alone, because it carries the math type.</param>
/// <param name="first">Descriptor of the first operand.</param>
/// <param name="second">Descriptor of the second operand.</param>
/// <param name="output">Descriptor of the result.</param>
sealed unsafe class ConvolutionPass(Cudnn cudnn, nint convolution, nint first, nint second, nint output)
{
    /// <summary>As many as there are algorithms in any direction; the heuristics return no more.</summary>
    const int MostAlgorithms = 8;

    public required CudnnHeuristics Heuristics { get; init; }

    public required CudnnWorkspaceSize WorkspaceSize { get; init; }

    public required CudnnConvolution Convolve { get; init; }

    /// <summary>The entry point's name, for messages.</summary>
    public required string Call { get; init; }

    /// <summary>What profiles call it.</summary>
    public required string Title { get; init; }

    // Of those that fit, the one in use first; one that fails goes.
    readonly Queue<ConvolutionAlgorithm> algorithms = new();

    /// <summary>Whether there is an algorithm, or one is left.</summary>
    public bool HasAlgorithm => algorithms.Count > 0;

    /// <summary>The one in use.</summary>
    public ConvolutionAlgorithm Algorithm => algorithms.Peek();

    /// <summary>Whether the one in use has been put on a stream already.</summary>
    public bool IsProven { get; private set; }

    /// <summary>Takes those algorithms of the heuristics that can be used, fit the limit and are as deterministic as asked.</summary>
    public void Choose(bool tf32, bool deterministic, long workspaceLimit)
    {
        CudnnApi api = cudnn.Library;
        CudnnAlgorithmPerformance* found = stackalloc CudnnAlgorithmPerformance[MostAlgorithms];
        int count = 0;
        api.Check(api.Call.SetConvolutionMathType(convolution, tf32 ? CudnnMathType.Default : CudnnMathType.Fma));
        CudnnStatus status = Heuristics(cudnn.Handle, first, second, convolution, output, MostAlgorithms, &count, found);
        if (status != CudnnStatus.Success)
        {
            if (!cudnn.CanDoWithout(status, mayHaveBegun: false))
                api.Check(status, $"Get{Call}Algorithm_v7");
            return;
        }
        for (int i = 0; i < count; i++)
        {
            bool isDeterministic = found[i].Determinism == CudnnDeterminism.Deterministic;
            // Full float32 holds whatever the heuristics looked at; with TF32 theirs decides, but for a rounding to float16.
            CudnnMathType math = tf32 ? found[i].MathType : CudnnMathType.Fma;
            if (found[i].Status != CudnnStatus.Success || (deterministic && !isDeterministic)
                || math == CudnnMathType.TensorOpAllowConversion)
                continue;
            api.Check(api.Call.SetConvolutionMathType(convolution, math));
            nuint bytes;
            if (WorkspaceSize(cudnn.Handle, first, second, convolution, output, found[i].Algorithm, &bytes) != CudnnStatus.Success
                || bytes > (nuint)workspaceLimit)
                continue;
            algorithms.Enqueue(new(found[i].Algorithm, math, isDeterministic, (long)bytes));
        }
        Use();
    }

    /// <summary>Goes on with the next algorithm, if there is one.</summary>
    public void TakeNext()
    {
        algorithms.Dequeue();
        IsProven = false;
        Use();
    }

    /// <summary>Puts it on the handle's stream.</summary>
    public void Run(DevicePointer a, DevicePointer b, DevicePointer result, DevicePointer workspace, long workspaceBytes, bool accumulate)
    {
        float alpha = 1, beta = accumulate ? 1 : 0;
        CudnnStatus status = Convolve(cudnn.Handle, &alpha, first, a.Address, second, b.Address, convolution, Algorithm.Number,
            workspace.Address, (nuint)workspaceBytes, &beta, output, result.Address);
        if (status != CudnnStatus.Success)
            cudnn.Library.Check(status, Call);
        IsProven = true;
    }

    void Use()
    {
        if (HasAlgorithm)
            cudnn.Library.Check(cudnn.Library.Call.SetConvolutionMathType(convolution, Algorithm.MathType));
    }
}
