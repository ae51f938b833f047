using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Vision transformers (Dosovitskiy et al. 2020) with the names, order and initial weights of the reference's: patch embedding,
/// class token, learnt position embedding, pre-norm blocks, pooling, layer norm before or after it, dropout, linear classifier.
/// The classifier starts with weights 0 and bias -log(classes), so that a new model predicts all classes evenly under a sigmoid.
/// </summary>
public sealed class VisionTransformer : ImageModel
{
    internal const double NormEps = 1e-6;

    const double ClassTokenDeviation = 1e-6;

    readonly VisionTransformerOptions options;
    readonly Parameter? classToken;
    readonly Parameter positions;
    readonly PatchEmbedding patches;
    readonly BlockList<TransformerBlock> blocks;
    readonly LayerNorm? norm, poolNorm;
    readonly Dropout? dropout;
    readonly Linear head;

    /// <summary>Makes a network with new weights; see <see cref="Initialization"/>.</summary>
    /// <exception cref="ModelOptionException">The options do not go together.</exception>
    public VisionTransformer(VisionTransformerOptions options) : base(options.ImageHeight, options.ImageWidth, options.NumClasses)
    {
        Check(options);
        this.options = options;
        var init = Initialization.Current;
        int dim = options.Dim, prefix = options.ClassToken ? 1 : 0;
        (GridHeight, GridWidth) = (options.ImageHeight / options.PatchSize, options.ImageWidth / options.PatchSize);
        if (options.ClassToken)
            classToken = Register("cls_token", new Parameter(init.Normal([1, 1, dim], ClassTokenDeviation)) { IsDecayExempt = true });
        positions = Register("pos_embed",
            new Parameter(init.Normal([1, prefix + GridHeight * GridWidth, dim], 1 / Math.Sqrt(dim))) { IsDecayExempt = true });
        patches = Register("patch_embed", new PatchEmbedding(options.PatchSize, dim));
        int hidden = (int)(dim * options.MlpRatio);
        blocks = Register("blocks", new BlockList<TransformerBlock>(
            Enumerable.Range(0, options.Depth).Select(_ => new TransformerBlock(dim, options.Heads, hidden, options.QkvBias))));
        if (options.NormAfterPooling ?? options.Pooling == TokenPooling.Average)
            poolNorm = Register("fc_norm", new LayerNorm(dim, NormEps));
        else
            norm = Register("norm", new LayerNorm(dim, NormEps));
        if (options.Drop > 0)
            dropout = Register("head_drop", new Dropout(options.Drop));
        head = Register("head", new Linear(dim, options.NumClasses));
        head.Weight.Fill(0);
        FillHeadBias(-Math.Log(options.NumClasses));
    }

    /// <inheritdoc/>
    public override Linear Classifier => head;

    /// <inheritdoc/>
    public override string ClassifierName => "head";

    /// <inheritdoc/>
    public override string FeaturesName => "fc_norm";

    /// <summary>Rows of patches.</summary>
    public int GridHeight { get; }

    /// <summary>Columns of patches.</summary>
    public int GridWidth { get; }

    /// <summary>Whether a learnt token precedes the patches.</summary>
    public bool HasClassToken => classToken is not null;

    /// <summary>Weights uniform with variance 2 / (inputs + outputs) (Glorot and Bengio 2010).</summary>
    internal static void InitializeXavier(Linear layer) => layer.Weight.Assign(
        Initialization.Current.Uniform(layer.Weight.Shape, Math.Sqrt(6.0 / (layer.Weight.Shape[0] + layer.Weight.Shape[1]))));

    static void Check(VisionTransformerOptions options)
    {
        int patch = options.PatchSize;
        foreach (int edge in (ReadOnlySpan<int>)[options.ImageHeight, options.ImageWidth])
            if (edge % patch != 0)
            {
                throw new ModelOptionException(
                    $"`{nameof(ModelOptions.ImageSize)}` {edge} is not a multiple of the patch size {patch}; "
                    + $"use {Math.Max(edge / patch, 1) * patch} or {(edge / patch + 1) * patch}.");
            }
        if (options.Dim % options.Heads != 0)
            throw new ModelOptionException($"embed_dim {options.Dim} cannot be shared evenly by num_heads {options.Heads}.");
        if (!options.ClassToken && options.Pooling == TokenPooling.Token)
        {
            throw new ModelOptionException(
                $"class_token=False leaves no token to classify by; add `{nameof(ModelOptions.GlobalPool)}` avg.");
        }
        if (options.Drop is not (>= 0 and < 1))
            throw new ModelOptionException($"`{nameof(ModelOptions.Drop)}` is at least 0 and below 1, not {options.Drop}.");
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x)
    {
        if (x.Shape.Rank != 4 || x.Shape[1] != ImageHeight || x.Shape[2] != ImageWidth)
        {
            throw new ArgumentException($"This transformer takes images [B, {ImageHeight}, {ImageWidth}, 3], not {x.Shape}; "
                + $"make it with `{nameof(ModelOptions.ImageSize)}` for others.");
        }
        x = Report(Ops.EmbedTokens(Observe("patch_embed", patches.Call(x)), classToken, positions));
        x = Observe("norm", Encode(x));
        x = Pool(x);
        x = Observe(FeaturesName, poolNorm?.Call(x) ?? x);
        return head.Call(dropout?.Call(x) ?? x);
    }

    /// <summary>The blocks and the norm behind them, if there is one. What leaves a block is summed up by the norm that comes
    /// next.</summary>
    Tensor Encode(Tensor x)
    {
        Tensor normal = NormBehind(-1)?.Call(x) ?? x;
        for (int i = 0; i < blocks.Blocks.Count; i++)
        {
            (Tensor sum, Tensor branch) = blocks.Blocks[i].Call(x, normal);
            Scope.Replace(normal, branch);
            Scope.Replace(x, sum);
            (x, normal) = NormBehind(i) is { } next ? next.Call(sum, branch) : Twice(Ops.Add(sum, branch));
            Scope.Replace(branch, normal);
            Scope.Replace(sum, x);
            Observe("blocks.", i, x);
        }
        return Scope.Replace(x, normal);

        static (Tensor, Tensor) Twice(Tensor t) => (t, t);
    }

    LayerNorm? NormBehind(int block) => block + 1 < blocks.Blocks.Count ? blocks.Blocks[block + 1].FirstNorm : norm;

    internal override Shape OutputShape => options.Pooling == TokenPooling.None ? [positions.Shape[1], NumClasses] : [NumClasses];

    internal override string Export(OnnxGraph graph, string x)
    {
        x = AddPositions(graph, patches.Export(graph, x));
        x = blocks.Export(graph, x);
        if (norm is not null)
            x = graph.LayerNorm(norm, x);
        if (options.Pooling == TokenPooling.Token)
            x = graph.Node(this, "Gather", [x, graph.Index(0)], OnnxAttribute.Int("axis", 1));
        else if (options.Pooling == TokenPooling.Average)
        {
            if (HasClassToken)
                x = graph.Node(this, "Slice", [x, graph.List(1), graph.List(positions.Shape[1]), graph.List(1)]);
            x = graph.Node(this, "ReduceMean", [x], OnnxAttribute.Ints("axes", 1), OnnxAttribute.Int("keepdims", 0));
        }
        if (poolNorm is not null)
            x = graph.LayerNorm(poolNorm, x);
        return options.Pooling == TokenPooling.None ? graph.Linear(head, x) : graph.Gemm(head, x);
    }

    /// <summary>A class token is a row of zeros before the patches, to which the token is added with its position: whatever the number of
    /// images, no shape has to be computed.</summary>
    string AddPositions(OnnxGraph graph, string x)
    {
        if (classToken is not { } token)
            return graph.Node(this, "Add", [x, graph.Weight(positions)]);
        x = graph.Node(this, "Pad", [x, graph.List(0, 1, 0, 0, 0, 0)]);
        string sum = graph.Constant("cls_token and pos_embed", StateDict.TorchShape(new("", positions)), () =>
        {
            float[] values = StateDict.ToTorch(positions, WeightLayout.Plain), first = StateDict.ToTorch(token, WeightLayout.Plain);
            for (int i = 0; i < first.Length; i++)
                values[i] += first[i];
            return values;
        });
        return graph.Node(this, "Add", [x, sum]);
    }

    Tensor Pool(Tensor x) => options.Pooling switch
    {
        TokenPooling.Token => Ops.Select(x, 1, 0),
        TokenPooling.Average => Ops.Mean(HasClassToken ? Ops.Slice(x, 1, 1, x.Shape[1] - 1) : x, 1),
        _ => x,
    };
}
