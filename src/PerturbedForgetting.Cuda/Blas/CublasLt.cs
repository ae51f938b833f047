using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>Linear layers by cuBLASLt, which adds the bias, or sums its gradient, in the pass that computes the product. The algorithm is
/// chosen once for each shape and kept. Belongs to one thread at a time.</summary>
public sealed unsafe class CublasLt : CudaResource
{
    /// <summary>What profiles call its products.</summary>
    internal const string MatmulName = "cublasLt matmul";

    readonly CublasLtApi api;
    readonly string library;
    readonly nint handle;
    // Null: the library has no algorithm.
    readonly Dictionary<MatmulShape, MatmulPlan?> plans = [];

    /// <summary>Starts the library in a context.</summary>
    /// <exception cref="CudaLibraryException">The library is absent, of a version that is not known, or does not start.</exception>
    public CublasLt(CudaContext context, CublasLtApi api) : base(context)
    {
        this.api = api;
        CublasErrors.RequireUsable(CudaLibrary.CublasLt, api.WhyUnusable);
        library = $"cuBLASLt {api.Version}";
        context.MakeCurrent();
        nint made;
        Check(api.Call.Create(&made));
        handle = made;
    }

    /// <summary>Shapes for which an algorithm was looked for.</summary>
    public int PlanCount => plans.Count;

    /// <summary>y = x·weightᵀ + bias, row-major, float32.</summary>
    /// <param name="stream">Where it runs.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs], or null for none.</param>
    /// <param name="y">[rows, outputs], overwritten.</param>
    /// <param name="rows">Rows of x.</param>
    /// <param name="inputs">Columns of x.</param>
    /// <param name="outputs">Columns of y.</param>
    /// <param name="tf32">Whether factors may be rounded to TF32.</param>
    /// <param name="workspace">Memory to work in, aligned to 256 bytes, used by nothing else meanwhile; null for none.</param>
    /// <param name="workspaceBytes">Its size.</param>
    /// <returns>False when the library has no algorithm for this; nothing was done then.</returns>
    /// <exception cref="CudaLibraryException">The library refuses it.</exception>
    public bool Linear(CudaStream stream, DevicePointer x, DevicePointer weight, DevicePointer bias, DevicePointer y,
        int rows, int inputs, int outputs, bool tf32, DevicePointer workspace, long workspaceBytes)
    {
        // In column-major order each matrix is its transpose: yᵀ[outputs, rows] = weight·xᵀ, and one bias a row of it.
        MatmulShape shape = new(new(inputs, outputs, IsTransposed: true), new(inputs, rows, IsTransposed: false),
            bias.IsNull ? CublasLtEpilogue.Default : CublasLtEpilogue.Bias, tf32, workspaceBytes,
            MatmulShape.AlignmentOf(x, weight, bias, y));
        return Run(stream, shape, weight, x, y, bias, accumulate: false, workspace);
    }

    /// <summary>dweight = dyᵀ·x, or dweight += …, and dbias = sum of the rows of dy; row-major, float32.</summary>
    /// <param name="stream">Where it runs.</param>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="dweight">[outputs, inputs].</param>
    /// <param name="dbias">[outputs], overwritten even with <paramref name="accumulate"/>, because the library cannot add to it; null for
    /// none.</param>
    /// <param name="rows">Rows of x.</param>
    /// <param name="inputs">Columns of x.</param>
    /// <param name="outputs">Columns of dy.</param>
    /// <param name="tf32">Whether factors of the product may be rounded to TF32.</param>
    /// <param name="workspace">Memory to work in, aligned to 256 bytes, used by nothing else meanwhile; null for none.</param>
    /// <param name="workspaceBytes">Its size.</param>
    /// <param name="accumulate">Adds to what dweight holds.</param>
    /// <inheritdoc cref="Linear" path="/returns|/exception"/>
    public bool LinearBackwardWeight(CudaStream stream, DevicePointer dy, DevicePointer x, DevicePointer dweight, DevicePointer dbias,
        int rows, int inputs, int outputs, bool tf32, DevicePointer workspace, long workspaceBytes, bool accumulate)
    {
        // dweightᵀ[inputs, outputs] = xᵀ·dy, and one sum for each column of dy.
        MatmulShape shape = new(new(inputs, rows, IsTransposed: false), new(outputs, rows, IsTransposed: true),
            dbias.IsNull ? CublasLtEpilogue.Default : CublasLtEpilogue.BiasGradientB, tf32, workspaceBytes,
            MatmulShape.AlignmentOf(dy, x, dbias, dweight));
        return Run(stream, shape, x, dy, dweight, dbias, accumulate, workspace);
    }

    bool Run(CudaStream stream, in MatmulShape shape, DevicePointer a, DevicePointer b, DevicePointer d, DevicePointer bias,
        bool accumulate, DevicePointer workspace)
    {
        Use();
        if (!plans.TryGetValue(shape, out MatmulPlan? plan))
            plans.Add(shape, plan = MatmulPlan.Choose(api, handle, shape, bias, Check));
        if (plan is null)
            return false;
        if (!bias.IsNull)
        {
            ulong address = bias.Address;
            Check(api.Call.MatmulDescSetAttribute(plan.Description, CublasLtMatmulAttribute.BiasPointer, &address, sizeof(ulong)));
        }
        float alpha = 1, beta = accumulate ? 1 : 0;
        CublasLtAlgorithm algorithm = plan.Algorithm;
        stream.Observer?.Costs(LaunchCost.Product(shape.Rows, shape.Columns, shape.A.IsTransposed
            ? shape.A.Rows
            : shape.A.Columns, 1, accumulate));
        stream.Observer?.Launching(stream, MatmulName);
        Check(api.Call.Matmul(handle, plan.Description, &alpha, a.Address, plan.LayoutA, b.Address, plan.LayoutB,
            &beta, d.Address, plan.LayoutD, d.Address, plan.LayoutD, &algorithm,
            workspace.Address, (nuint)shape.WorkspaceBytes, stream.Handle));
        stream.Observer?.Launched(stream, MatmulName);
        return true;
    }

    /// <inheritdoc/>
    protected override CudaResult Release()
    {
        foreach (MatmulPlan? plan in plans.Values)
            plan?.Dispose();
        api.Call.Destroy(handle);
        return CudaResult.Success;
    }

    void Check(CublasStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CublasStatus.Success)
            CublasErrors.Throw(status, CublasLtApi.EntryPoint(call), library, Api);
    }
}
