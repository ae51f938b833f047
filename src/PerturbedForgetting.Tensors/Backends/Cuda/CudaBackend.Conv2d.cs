using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    UnfoldedConvolutions Unfolded => field ??= new(library, stream, matrices, workplace.Allocator);

    public override void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y)
    {
        if (y.Count == 0)
            return;
        var shape = Conv2dShapes.Of(x, weight, geometry);
        if (PlanFor(shape) is not { } plan)
        {
            Unfolded.Forward(shape, Dense(x), Dense(weight), DenseOrNull(bias), Dense(y));
            return;
        }
        using (Whole image = new(this, x), filters = new(this, weight))
        using (var workspace = Workspace(plan.ForwardAlgorithm))
            plan.Forward(image.Pointer, filters.Pointer, Dense(y), workspace.Pointer, plan.ForwardAlgorithm.WorkspaceBytes);
        if (bias is not null)
            AddBroadcast(y, bias, y);
    }

    public override void Conv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx, bool accumulate)
    {
        if (dx.Count == 0)
            return;
        var shape = Conv2dShapes.Of(dx, weight, geometry);
        if (PlanFor(shape) is not { } plan)
        {
            using var gradient = accumulate && !shape.IsPointwise ? Tensor.Persistent(dx.Shape, dx.DType, dx.Device) : null;
            Unfolded.BackwardInput(shape, Dense(dy), Dense(weight), Dense(gradient ?? dx), accumulate && gradient is null);
            // Only a product adds by itself.
            if (gradient is not null)
                Map(Binary.Add, dx, gradient, dx);
            return;
        }
        using Whole filters = new(this, weight), upstream = new(this, dy);
        using var workspace = Workspace(plan.BackwardDataAlgorithm);
        plan.BackwardData(filters.Pointer, upstream.Pointer, Dense(dx), workspace.Pointer, plan.BackwardDataAlgorithm.WorkspaceBytes,
            accumulate);
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
        if (PlanFor(shape) is not { } plan)
        {
            Unfolded.BackwardWeight(shape, Dense(x), Dense(dy), Dense(dweight), accumulate);
            return;
        }
        using Whole image = new(this, x), upstream = new(this, dy);
        using var workspace = Workspace(plan.BackwardFilterAlgorithm);
        plan.BackwardFilter(image.Pointer, upstream.Pointer, Dense(dweight), workspace.Pointer, plan.BackwardFilterAlgorithm.WorkspaceBytes,
            accumulate);
    }

    /// <summary>How cuDNN does it; none without cuDNN, for a shape it does not take, and where the convolution is a product of matrices
    /// anyway.</summary>
    ConvolutionPlan? PlanFor(in ConvolutionShape shape) =>
        cudnn is null || shape.IsPointwise || !shape.IsNumberedByInt ? null : cudnn.Plan(shape, options.AllowTf32, options.IsDeterministic);

    Scratch Workspace(ConvolutionAlgorithm algorithm) => Floats((algorithm.WorkspaceBytes + sizeof(float) - 1) / sizeof(float));
}
