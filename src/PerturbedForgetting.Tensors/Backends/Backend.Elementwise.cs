namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = a + b, elementwise; <paramref name="y"/> may be either input.</summary>
    public abstract void Add(Tensor a, Tensor b, Tensor y);

    /// <summary>y = max(x, 0); <paramref name="y"/> may be <paramref name="x"/>. NaN stays NaN.</summary>
    public abstract void Relu(Tensor x, Tensor y);

    /// <summary>dx = dy where y &gt; 0, else 0; <paramref name="dx"/> may be <paramref name="dy"/>.</summary>
    public abstract void ReluBackward(Tensor dy, Tensor y, Tensor dx);
}
