using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Elementwise Elements => field ??= new(library);

    Broadcast Rows => field ??= new(library);

    Activations Activation => field ??= new(library);

    public override void Add(Tensor a, Tensor b, Tensor y) => Elements.Add(stream, Dense(y), Dense(a), Dense(b), y.Count);

    public override void Sub(Tensor a, Tensor b, Tensor y) => Elements.Sub(stream, Dense(y), Dense(a), Dense(b), y.Count);

    public override void Mul(Tensor a, Tensor b, Tensor y) => Elements.Mul(stream, Dense(y), Dense(a), Dense(b), y.Count);

    public override void Scale(Tensor x, double factor, Tensor y) => Elements.Scale(stream, Dense(y), Dense(x), (float)factor, y.Count);

    public override void ScaleBy(Tensor x, Tensor factor, Tensor y) => Elements.ScaleBy(stream, Dense(y), Dense(x), Dense(factor), y.Count);

    public override void AddBroadcast(Tensor x, Tensor b, Tensor y) => Rows.Add(stream, Dense(y), Dense(x), Dense(b), checked((int)b.Count), y.Count);

    public override void SumLeading(Tensor x, Tensor y, bool accumulate)
    {
        if (y.Count == 0)
            return;
        int columns = checked((int)y.Count);
        long rows = x.Count / columns;
        using Scratch partial = Floats((long)new ColumnParts(rows, columns).Count * columns);
        Rows.Sum(stream, Dense(y), Dense(x), partial.Pointer, rows, columns, accumulate);
    }

    public override void Relu(Tensor x, Tensor y) => Activation.Relu(stream, Dense(y), Dense(x), y.Count);

    public override void ReluBackward(Tensor dy, Tensor y, Tensor dx) => Activation.ReluBackward(stream, Dense(dx), Dense(dy), Dense(y), y.Count);

    public override void Sigmoid(Tensor x, Tensor y) => Activation.Sigmoid(stream, Dense(y), Dense(x), y.Count);

    public override void SigmoidBackward(Tensor dy, Tensor y, Tensor dx) => Activation.SigmoidBackward(stream, Dense(dx), Dense(dy), Dense(y), y.Count);

    public override void Gelu(Tensor x, Tensor y) => Activation.Gelu(stream, Dense(y), Dense(x), y.Count);

    public override void GeluBackward(Tensor dy, Tensor x, Tensor dx) => Activation.GeluBackward(stream, Dense(dx), Dense(dy), Dense(x), x.Count);
}
