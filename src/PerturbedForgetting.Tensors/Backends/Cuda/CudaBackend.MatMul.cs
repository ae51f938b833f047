using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    MatrixProducts Matrices => field ??= new(library, stream, options.AllowTf32);

    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor c, bool accumulate)
    {
        int m = c.Shape[-2], n = c.Shape[-1], k = a.Shape[transposeA ? -2 : -1];
        int batch = checked((int)c.Shape.Product(0, c.Shape.Rank - 2));
        if (c.Count == 0)
            return;
        if (k == 0)
        {
            if (!accumulate)
                Fill(c, 0);
            return;
        }
        Matrices.Run(Dense(c), Operand(a, transposeA), Operand(b, transposeB), DevicePointer.Null, m, n, k, batch, accumulate);
    }

    public override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1];
        if (y.Count == 0)
            return;
        bool fuses = bias is not null && Matrices.FusesBias;
        Matrices.Run(Dense(y), new(Dense(x), false, inputs), new(Dense(weight), true, inputs), fuses ? Dense(bias!) : default,
            checked((int)(y.Count / outputs)), outputs, inputs, 1, accumulate: false);
        if (bias is not null && !fuses)
            AddBroadcast(y, bias, y);
    }

    public override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor pre, Tensor y)
    {
        if (bias is null || Matrices.FusesBias)
        {
            Linear(x, weight, bias, pre);
            Gelu(pre, y);
            return;
        }
        Linear(x, weight, null, pre);
        Activation.GeluBias(stream, Dense(y), Dense(pre), Dense(pre), Dense(bias), checked((int)bias.Count), y.Count);
    }

    static MatrixOperand Operand(Tensor t, bool isTransposed) =>
        new(Dense(t), isTransposed, t.Shape[-1], t.Shape.Rank == 2 ? 0 : (long)t.Shape[-2] * t.Shape[-1]);
}
