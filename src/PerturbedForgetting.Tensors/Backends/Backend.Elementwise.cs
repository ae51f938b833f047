namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = a + b, elementwise; <paramref name="y"/> may be either input.</summary>
    public abstract void Add(Tensor a, Tensor b, Tensor y);

    /// <summary>y = a - b, elementwise; <paramref name="y"/> may be either input.</summary>
    public abstract void Sub(Tensor a, Tensor b, Tensor y);

    /// <summary>y = a * b, elementwise; <paramref name="y"/> may be either input.</summary>
    public abstract void Mul(Tensor a, Tensor b, Tensor y);

    /// <summary>y = factor * x; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void Scale(Tensor x, double factor, Tensor y);

    /// <summary>y = factor * x with a factor on the device, one element; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void ScaleBy(Tensor x, Tensor factor, Tensor y);

    /// <summary>y = x + b, where b is repeated over the leading dimensions of x; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void AddBroadcast(Tensor x, Tensor b, Tensor y);

    /// <summary>y = the sum of x over the leading dimensions that y does not have; added to y if <paramref name="accumulate"/>.</summary>
    public abstract void SumLeading(Tensor x, Tensor y, bool accumulate);

    /// <summary>y = max(x, 0); <paramref name="y"/> may be <paramref name="x"/>. NaN stays NaN.</summary>
    public abstract void Relu(Tensor x, Tensor y);

    /// <summary>dx = dy where y &gt; 0, else 0; <paramref name="dx"/> may be <paramref name="dy"/>.</summary>
    public abstract void ReluBackward(Tensor dy, Tensor y, Tensor dx);

    /// <summary>y = 1 / (1 + exp(-x)); <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void Sigmoid(Tensor x, Tensor y);

    /// <summary>dx = dy * y * (1 - y); <paramref name="dx"/> may be <paramref name="dy"/>.</summary>
    public abstract void SigmoidBackward(Tensor dy, Tensor y, Tensor dx);

    /// <summary>y = x * cdf(x) with the normal distribution's cdf; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void Gelu(Tensor x, Tensor y);

    /// <summary>dx = dy * (cdf(x) + x * pdf(x)); <paramref name="dx"/> may be <paramref name="dy"/>.</summary>
    public abstract void GeluBackward(Tensor dy, Tensor x, Tensor dx);
}
