using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Pre-norm encoder block: x + attention(norm1(x)), then x + mlp(norm2(x)), on tokens <c>[B, N, C]</c> (Dosovitskiy et al. 2020). A sum
/// and the norm behind it are one pass over the memory; the last sum of a block is made with the norm that comes next, so the first
/// norm is called from outside.
/// </summary>
sealed class TransformerBlock : Module
{
    readonly LayerNorm norm1, norm2;
    readonly Attention attention;
    readonly Mlp mlp;

    public TransformerBlock(int dim, int heads, int hidden, bool qkvBias)
    {
        norm1 = Register("norm1", new LayerNorm(dim, VisionTransformer.NormEps));
        attention = Register("attn", new Attention(dim, heads, qkvBias));
        norm2 = Register("norm2", new LayerNorm(dim, VisionTransformer.NormEps));
        mlp = Register("mlp", new Mlp(dim, hidden));
    }

    /// <summary>norm1.</summary>
    public LayerNorm FirstNorm => norm1;

    /// <summary>The block but for its first norm and its last sum.</summary>
    /// <param name="x">The tokens.</param>
    /// <param name="normal"><see cref="FirstNorm"/> of them.</param>
    /// <returns>Two tensors whose sum is the block's output.</returns>
    public (Tensor X, Tensor Branch) Call(Tensor x, Tensor normal)
    {
        using var range = BeginRange();
        using var scope = Scope.Begin();
        (x, normal) = norm2.Call(x, attention.Call(normal));
        return (scope.Return(x), scope.Return(mlp.Call(normal)));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x)
    {
        (x, Tensor branch) = Call(x, norm1.Call(x));
        return Ops.Add(x, branch);
    }
}

/// <summary>Multi-head self-attention; query, key and value from one matrix of three times the features.</summary>
sealed class Attention : Module
{
    readonly Linear qkv, projection;
    readonly int heads;
    readonly double scale;

    public Attention(int dim, int heads, bool qkvBias)
    {
        this.heads = heads;
        scale = 1 / Math.Sqrt(dim / heads);
        qkv = Register("qkv", new Linear(dim, 3 * dim, qkvBias));
        projection = Register("proj", new Linear(dim, dim));
        // Three square matrices, each uniform by Glorot and Bengio (2010).
        qkv.Weight.Assign(Initialization.Current.Uniform(qkv.Weight.Shape, Math.Sqrt(6.0 / (2 * dim))));
        qkv.Bias?.Fill(0);
        VisionTransformer.InitializeXavier(projection);
        projection.Bias!.Fill(0);
    }

    // Each element of the output takes a product with every token, and each score as many for every channel of the head.
    protected override Tensor Forward(Tensor x) => projection.Call(Report(Ops.Attention(qkv.Call(x), heads, scale), 2L * x.Shape[1]));
}

/// <summary>Two linear layers with the exact GELU between.</summary>
sealed class Mlp : Module
{
    const double BiasDeviation = 1e-6;

    readonly Linear fc1, fc2;

    public Mlp(int dim, int hidden)
    {
        fc1 = Register("fc1", new Linear(dim, hidden));
        fc2 = Register("fc2", new Linear(hidden, dim));
        foreach (var layer in (ReadOnlySpan<Linear>)[fc1, fc2])
        {
            VisionTransformer.InitializeXavier(layer);
            layer.Bias!.Assign(Initialization.Current.Normal(layer.Bias!.Shape, BiasDeviation));
        }
    }

    protected override Tensor Forward(Tensor x) => fc2.Call(fc1.Report(Ops.LinearGelu(x, fc1.Weight, fc1.Bias!), fc1.Weight.Shape[1]));
}
