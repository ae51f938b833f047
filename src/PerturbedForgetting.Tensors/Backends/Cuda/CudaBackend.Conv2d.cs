using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    // One bit a direction.
    int failed;

    UnfoldedConvolutions Unfolded => field ??= new(library, stream, matrices, workplace.Allocator);

    public override void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y)
    {
        if (y.Count == 0)
            return;
        var shape = Conv2dShapes.Of(x, weight, geometry);
        if (!TryConvolve(ConvolutionDirection.Forward, shape, x, weight, y, accumulate: false))
            Unfolded.Forward(shape, Dense(x), Dense(weight), DenseOrNull(bias), Dense(y));
        else if (bias is not null)
            AddBroadcast(y, bias, y);
    }

    public override void AddConv2d(Tensor x, Tensor weight, in Conv2dGeometry geometry, Tensor y)
    {
        var shape = Conv2dShapes.Of(x, weight, geometry);
        if (y.Count == 0 || TryConvolve(ConvolutionDirection.Forward, shape, x, weight, y, accumulate: true))
            return;
        using var product = Tensor.Persistent(y.Shape, y.DType, y.Device);
        Unfolded.Forward(shape, Dense(x), Dense(weight), DevicePointer.Null, Dense(product));
        Map(Binary.Add, y, product, y);
    }

    public override void AddConv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx) =>
        Conv2dBackwardInput(dy, weight, geometry, dx, accumulate: true);

    public override void Conv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx, bool accumulate)
    {
        if (dx.Count == 0)
            return;
        var shape = Conv2dShapes.Of(dx, weight, geometry);
        if (TryConvolve(ConvolutionDirection.BackwardData, shape, weight, dy, dx, accumulate))
            return;
        using var gradient = accumulate && !shape.IsPointwise ? Tensor.Persistent(dx.Shape, dx.DType, dx.Device) : null;
        Unfolded.BackwardInput(shape, Dense(dy), Dense(weight), Dense(gradient ?? dx), accumulate && gradient is null);
        // Only a product adds by itself.
        if (gradient is not null)
            Map(Binary.Add, dx, gradient, dx);
    }

    public override void Conv2dBackwardWeight(Tensor x, Tensor dy, in Conv2dGeometry geometry, Tensor dweight, bool accumulate)
    {
        if (dweight.Count == 0)
            return;
        if (dy.Count == 0)
        {
            if (!accumulate)
                Fill(dweight, 0);
            return;
        }
        var shape = Conv2dShapes.Of(x, dweight, geometry);
        if (!TryConvolve(ConvolutionDirection.BackwardFilter, shape, x, dy, dweight, accumulate))
            Unfolded.BackwardWeight(shape, Dense(x), Dense(dy), Dense(dweight), accumulate);
    }

    /// <summary>Has cuDNN do it, by the next algorithm of the direction where one fails; that one is then not tried again.</summary>
    /// <returns>False, and nothing is done, without cuDNN, where it has no algorithm for the direction, or none left, for a shape
    /// it does not take, and where the convolution is a product of matrices anyway.</returns>
    bool TryConvolve(ConvolutionDirection direction, in ConvolutionShape shape, Tensor first, Tensor second, Tensor result, bool accumulate)
    {
        if (cudnn is null || shape.IsPointwise || !shape.IsNumberedByInt)
            return false;
        ConvolutionPlan plan = cudnn.Plan(shape, options.AllowTf32, options.IsDeterministic);
        if (!plan.Has(direction))
            return false;
        using Whole a = new(this, first), b = new(this, second);
        // What an algorithm that fails has added by then must not stay.
        using Scratch before = accumulate && !plan.IsProven(direction) ? Floats(result.Count) : default;
        bool isKept = !before.Pointer.IsNull;
        if (isKept)
            stream.Copy(before.Pointer, Dense(result), Bytes(result));
        while (plan.Has(direction))
        {
            ConvolutionAlgorithm algorithm = plan.AlgorithmOf(direction);
            try
            {
                using Scratch workspace = Floats((algorithm.WorkspaceBytes + sizeof(float) - 1) / sizeof(float));
                plan.Run(direction, a.Pointer, b.Pointer, Dense(result), workspace.Pointer, algorithm.WorkspaceBytes, accumulate);
                return true;
            }
            catch (CudaLibraryException e) when (cudnn.CanDoWithout(e, mayHaveBegun: accumulate && !isKept))
            {
                GiveUp(plan, direction, e.Message);
            }
            catch (OutOfMemoryException e)
            {
                GiveUp(plan, direction, e.Message);
            }
            if (isKept)
                stream.Copy(Dense(result), before.Pointer, Bytes(result));
        }
        return false;
    }

    void GiveUp(ConvolutionPlan plan, ConvolutionDirection direction, string reason)
    {
        int number = plan.AlgorithmOf(direction).Number;
        plan.TakeNext(direction);
        // A network has many shapes; the first failure of a direction says enough.
        if ((failed & (1 << (int)direction)) == 0)
            Note($"An algorithm of cuDNN (number {number}, {Words(direction)}) failed for {plan.Shape} and is left out: "
                + $"{(plan.Has(direction) ? "its next one" : LibraryAdvice.Unfolded)} takes over. {reason}");
        failed |= 1 << (int)direction;
    }

    static string Words(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => "forward",
        ConvolutionDirection.BackwardData => "gradient of the input",
        _ => "gradient of the filters",
    };
}
