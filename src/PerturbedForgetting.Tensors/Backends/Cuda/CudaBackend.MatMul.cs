namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor c, bool accumulate)
    {
        int m = c.Shape[-2], n = c.Shape[-1], k = a.Shape[transposeA ? -2 : -1];
        int batch = Shape.Extent(c.Shape.Product(0, c.Shape.Rank - 2), "matrices of a product");
        if (c.Count > 0 && k > 0)
            matrices.Run(Dense(c), Operand(a, transposeA), Operand(b, transposeB), m, n, k, batch, accumulate);
        else if (!accumulate)
            Fill(c, 0);
    }

    public override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1];
        if (y.Count > 0)
            matrices.Linear(Dense(y), Dense(x), Dense(weight), DenseOrNull(bias),
                Shape.Extent(y.Count / outputs, "rows of a linear layer"), inputs, outputs);
    }

    public override void LinearBackwardWeight(Tensor dy, Tensor x, Tensor dweight, bool accumulateWeight, Tensor dbias, bool accumulateBias)
    {
        // The library overwrites the bias's gradient.
        if (!accumulateBias && dy.Count > 0
            && matrices.TryLinearBackwardWeight(Dense(dweight), Dense(dbias), Dense(dy), Dense(x), dy.Shape[0], x.Shape[1], dy.Shape[1],
                accumulateWeight))
            return;
        MatMul(dy, true, x, false, dweight, accumulateWeight);
        SumLeading(dy, dbias, accumulateBias);
    }

    public override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor pre, Tensor y)
    {
        Linear(x, weight, bias, pre);
        Map(Unary.Gelu, pre, y);
    }

    static MatrixOperand Operand(Tensor t, bool isTransposed) =>
        new(Dense(t), isTransposed, t.Shape[-1], t.Shape.Rank == 2 ? 0 : (long)t.Shape[-2] * t.Shape[-1]);
}
