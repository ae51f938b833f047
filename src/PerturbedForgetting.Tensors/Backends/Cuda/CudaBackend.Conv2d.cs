namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    UnfoldedConvolutions Unfolded => field ??= new(library, stream, Matrices, workplace.Allocator);

    public override void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y)
    {
        if (y.Count > 0)
            Unfolded.Forward(Conv2dExtents.Of(x, weight, y, geometry), Dense(x), Dense(weight), DenseOrNull(bias), Dense(y));
    }

    public override void Conv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx)
    {
        if (dx.Count > 0)
            Unfolded.BackwardInput(Conv2dExtents.Of(dx, weight, dy, geometry), Dense(dy), Dense(weight), Dense(dx));
    }

    public override void Conv2dBackwardWeight(Tensor x, Tensor dy, in Conv2dGeometry geometry, Tensor dweight, bool accumulate)
    {
        if (dweight.Count == 0)
            return;
        if (dy.Count > 0)
            Unfolded.BackwardWeight(Conv2dExtents.Of(x, dweight, dy, geometry), Dense(x), Dense(dy), Dense(dweight), accumulate);
        else if (!accumulate)
            Fill(dweight, 0);
    }
}
