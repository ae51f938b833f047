using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Pre-norm encoder block: x + attention(norm1(x)), then x + mlp(norm2(x)), on tokens <c>[B, N, C]</c> (Dosovitskiy et al. 2020). A sum
/// and the norm behind it are one pass over the memory; the last sum of a block is made with the norm that comes next, so the first
/// norm is called from outside.
/// </summary>
sealed class TransformerBlock : Module, IOnnxModule
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

    public string Export(OnnxGraph graph, string x)
    {
        x = graph.Node(this, "Add", [x, attention.Export(graph, graph.LayerNorm(norm1, x))]);
        return graph.Node(this, "Add", [x, mlp.Export(graph, graph.LayerNorm(norm2, x))]);
    }
}

/// <summary>Multi-head self-attention; query, key and value from one matrix of three times the features.</summary>
sealed class Attention : Module, IOnnxModule
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

    public string Export(OnnxGraph graph, string x)
    {
        int dim = projection.Weight.Shape[0];
        // [batch, tokens, 3, heads, channels] to [3, batch, heads, tokens, channels].
        string parts = graph.Node(this, "Reshape", [graph.Linear(qkv, x), graph.List(0, 0, 3, heads, dim / heads)]);
        parts = graph.Node(this, "Transpose", [parts], OnnxAttribute.Ints("perm", 2, 0, 3, 1, 4));
        string Part(int i) => graph.Node(this, "Gather", [parts, graph.Index(i)], OnnxAttribute.Int("axis", 0));
        string query = graph.Node(this, "Mul", [Part(0), graph.Scalar(scale)]);
        string key = graph.Node(this, "Transpose", [Part(1)], OnnxAttribute.Ints("perm", 0, 1, 3, 2));
        string probabilities = graph.Node(this, "Softmax", [graph.Node(this, "MatMul", [query, key])], OnnxAttribute.Int("axis", -1));
        string mixed = graph.Node(this, "Transpose", [graph.Node(this, "MatMul", [probabilities, Part(2)])],
            OnnxAttribute.Ints("perm", 0, 2, 1, 3));
        return graph.Linear(projection, graph.Node(this, "Reshape", [mixed, graph.List(0, 0, dim)]));
    }
}

/// <summary>Two linear layers with the exact GELU between.</summary>
sealed class Mlp : Module, IOnnxModule
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

    public string Export(OnnxGraph graph, string x) => graph.Linear(fc2, graph.Gelu(this, graph.Linear(fc1, x)));
}
