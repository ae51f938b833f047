using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>A factor of a product as it is stored: column-major, without gaps.</summary>
readonly record struct MatmulFactor(int Rows, int Columns, bool IsTransposed);

/// <summary>All that the choice of an algorithm depends on.</summary>
/// <param name="A">First factor.</param>
/// <param name="B">Second factor.</param>
/// <param name="Epilogue">What is done beside the product.</param>
/// <param name="AllowsTf32">Whether factors may be rounded to TF32.</param>
/// <param name="WorkspaceBytes">Most bytes of workspace.</param>
/// <param name="Alignment">Bytes to which all addresses are aligned.</param>
readonly record struct MatmulShape(MatmulFactor A, MatmulFactor B, CublasLtEpilogue Epilogue, bool AllowsTf32, long WorkspaceBytes,
    uint Alignment)
{
    const ulong MostAlignment = 256;

    /// <summary>Rows of D.</summary>
    public int Rows => A.IsTransposed ? A.Columns : A.Rows;

    /// <summary>Columns of D.</summary>
    public int Columns => B.IsTransposed ? B.Rows : B.Columns;

    /// <summary>The power of two to which all of these addresses are aligned.</summary>
    public static uint AlignmentOf(DevicePointer a, DevicePointer b, DevicePointer bias, DevicePointer d)
    {
        ulong bits = a.Address | b.Address | bias.Address | d.Address | MostAlignment;
        return (uint)(bits & (~bits + 1));
    }
}

/// <summary>A product of cuBLASLt that is ready to run: its description, layouts and algorithm.</summary>
sealed unsafe class MatmulPlan : IDisposable
{
    /// <summary>Checks a call, given as written.</summary>
    public delegate void Checker(CublasStatus status, [CallerArgumentExpression(nameof(status))] string call = "");

    readonly CublasLtApi api;
    readonly Checker check;

    MatmulPlan(CublasLtApi api, Checker check) => (this.api, this.check) = (api, check);

    public nint Description { get; private set; }

    public nint LayoutA { get; private set; }

    public nint LayoutB { get; private set; }

    public nint LayoutD { get; private set; }

    public CublasLtAlgorithm Algorithm { get; private set; }

    /// <summary>Asks the library for its first choice; null when it has none.</summary>
    /// <param name="api">The library.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="shape">The product.</param>
    /// <param name="bias">The bias, whose alignment matters.</param>
    /// <param name="check">Throws what a failed call means.</param>
    public static MatmulPlan? Choose(CublasLtApi api, nint handle, in MatmulShape shape, DevicePointer bias, Checker check)
    {
        var plan = new MatmulPlan(api, check);
        try
        {
            plan.Describe(shape, bias);
            if (plan.Choose(handle, shape))
                return plan;
        }
        catch
        {
            plan.Dispose();
            throw;
        }
        plan.Dispose();
        return null;
    }

    public void Dispose()
    {
        foreach (nint layout in (ReadOnlySpan<nint>)[LayoutA, LayoutB, LayoutD])
        {
            if (layout != 0)
                api.Call.MatrixLayoutDestroy(layout);
        }
        if (Description != 0)
            api.Call.MatmulDescDestroy(Description);
    }

    void Describe(in MatmulShape shape, DevicePointer bias)
    {
        nint made;
        CublasComputeType compute = shape.AllowsTf32 ? CublasComputeType.Float32FastTf32 : CublasComputeType.Float32;
        check(api.Call.MatmulDescCreate(&made, compute, CudaDataType.Float32));
        Description = made;
        Set(CublasLtMatmulAttribute.TransposeA, shape.A.IsTransposed ? CublasOperation.Transpose : CublasOperation.None);
        Set(CublasLtMatmulAttribute.TransposeB, shape.B.IsTransposed ? CublasOperation.Transpose : CublasOperation.None);
        Set(CublasLtMatmulAttribute.Epilogue, shape.Epilogue);
        if (!bias.IsNull)
            Set(CublasLtMatmulAttribute.BiasPointer, bias.Address);
        LayoutA = Layout(shape.A.Rows, shape.A.Columns);
        LayoutB = Layout(shape.B.Rows, shape.B.Columns);
        LayoutD = Layout(shape.Rows, shape.Columns);
    }

    bool Choose(nint handle, in MatmulShape shape)
    {
        nint preference;
        check(api.Call.MatmulPreferenceCreate(&preference));
        try
        {
            Prefer(preference, CublasLtPreferenceAttribute.MaxWorkspaceBytes, (ulong)shape.WorkspaceBytes);
            // Partial sums that are added in the order in which they come would differ from run to run.
            Prefer(preference, CublasLtPreferenceAttribute.ReductionSchemeMask,
                CublasLtReduction.ComputeType | CublasLtReduction.OutputType);
            for (CublasLtPreferenceAttribute matrix = CublasLtPreferenceAttribute.MinAlignmentA; matrix
                <= CublasLtPreferenceAttribute.MinAlignmentD; matrix++)
                Prefer(preference, matrix, shape.Alignment);
            CublasLtHeuristicResult result;
            int found = 0;
            CublasStatus status = api.Call.MatmulAlgoGetHeuristic(
                handle, Description, LayoutA, LayoutB, LayoutD, LayoutD, preference, 1, &result, &found);
            if (status == CublasStatus.NotSupported)
                return false;
            check(status, nameof(api.Call.MatmulAlgoGetHeuristic));
            Algorithm = result.Algorithm;
            return found > 0 && result.State == CublasStatus.Success;
        }
        finally
        {
            api.Call.MatmulPreferenceDestroy(preference);
        }
    }

    nint Layout(int rows, int columns)
    {
        nint made;
        check(api.Call.MatrixLayoutCreate(&made, CudaDataType.Float32, (ulong)rows, (ulong)columns, rows));
        return made;
    }

    void Set<T>(CublasLtMatmulAttribute attribute, T value) where T : unmanaged =>
        check(api.Call.MatmulDescSetAttribute(Description, attribute, &value, (nuint)sizeof(T)));

    void Prefer<T>(nint preference, CublasLtPreferenceAttribute attribute, T value) where T : unmanaged =>
        check(api.Call.MatmulPreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)));
}
