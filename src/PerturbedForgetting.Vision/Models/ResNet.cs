using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Residual networks (He et al. 2015) with the names, order and initial weights of the reference's: stem, stages of residual
/// blocks, mean over the pixels, dropout, linear classifier. Images of any size.
/// </summary>
public sealed class ResNet : ImageModel
{
    readonly Module conv1;
    readonly BatchNorm2d bn1;
    readonly MaxPool2d? maxpool;
    readonly List<BlockList<ResNetBlock>> stages = [];
    readonly Dropout? dropout;
    readonly Linear fc;

    /// <summary>Makes a network with new weights; see <see cref="Initialization"/>.</summary>
    /// <exception cref="ModelOptionException">The options do not go together.</exception>
    public ResNet(ResNetOptions options) : base(options.ImageSize, options.ImageSize, options.NumClasses)
    {
        Check(options);
        int channels = options.Stem is ResNetStem.Deep or ResNetStem.DeepTiered ? 2 * options.StemWidth : options.Channels[0];
        conv1 = Register<Module>("conv1", options.Stem switch
        {
            ResNetStem.Plain => ResNetLayers.Convolution(3, channels, 7, 2),
            ResNetStem.Cifar => ResNetLayers.Convolution(3, channels, 3),
            _ => new DeepStem(options),
        });
        bn1 = Register("bn1", ResNetLayers.Norm(options, channels));
        if (options.Stem != ResNetStem.Cifar)
            maxpool = Register("maxpool", new MaxPool2d(3, 2, 1));
        AddStages(options, ref channels);
        if (options.Drop > 0)
            dropout = Register("drop", new Dropout(options.Drop));
        fc = Register("fc", new Linear(channels, options.NumClasses));
    }

    /// <inheritdoc/>
    public override Linear Classifier => fc;

    /// <inheritdoc/>
    public override string ClassifierName => "fc";

    /// <inheritdoc/>
    public override string FeaturesName => "global_pool";

    void AddStages(ResNetOptions options, ref int channels)
    {
        int total = options.Stem == ResNetStem.Cifar ? 1 : 4, dilation = 1, previous = 1;
        for (int i = 0; i < options.Layers.Count; i++)
        {
            int stride = i == 0 ? 1 : 2;
            if (total * stride > options.OutputStride)
                (dilation, stride) = (dilation * stride, 1);
            total *= stride;
            var stage = new ResNetStage(options, stride, previous, dilation);
            var blocks = new List<ResNetBlock>();
            for (int j = 0; j < options.Layers[i]; j++)
            {
                blocks.Add(options.Bottleneck
                    ? new Bottleneck(channels, options.Channels[i], stage, j == 0)
                    : new BasicBlock(channels, options.Channels[i], stage, j == 0));
                channels = blocks[^1].Outputs;
            }
            previous = dilation;
            stages.Add(Register($"layer{i + 1}", new BlockList<ResNetBlock>(blocks)));
        }
    }

    static void Check(ResNetOptions options)
    {
        if (options.Channels.Count != options.Layers.Count)
            throw new ModelOptionException(
                $"A ResNet needs as many channel numbers as stages, not {options.Channels.Count} for {options.Layers.Count}.");
        if (options.OutputStride is not (8 or 16 or 32))
            throw new ModelOptionException($"output_stride is 8, 16 or 32, not {options.OutputStride}.");
        if (!options.Bottleneck && (options.Cardinality, options.BaseWidth) != (1, 64))
            throw new ModelOptionException(
                "cardinality and base_width belong to the bottleneck block (resnet50, resnet101); this ResNet has basic blocks.");
        if (options.Drop is not (>= 0 and < 1))
            throw new ModelOptionException($"`{nameof(ModelOptions.Drop)}` is at least 0 and below 1, not {options.Drop}.");
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x)
    {
        x = Observe("conv1", conv1.Call(x));
        x = Scope.Replace(x, bn1.Call(x, null, relu: true));
        if (maxpool is not null)
            x = Observe("maxpool", Scope.Replace(x, maxpool.Call(x)));
        for (int i = 0; i < stages.Count; i++)
            x = Observe("layer", i + 1, Scope.Replace(x, stages[i].Call(x)));
        x = Observe(FeaturesName, Ops.GlobalAvgPool2d(x));
        return fc.Call(dropout?.Call(x) ?? x);
    }

    internal override string Export(OnnxGraph graph, string x)
    {
        x = conv1 is DeepStem stem ? stem.Export(graph, x) : graph.Convolution((Conv2d)conv1, x);
        x = graph.Relu(bn1, graph.BatchNorm(bn1, x));
        if (maxpool is not null)
        {
            x = graph.Node(maxpool, "MaxPool", [x], OnnxAttribute.Ints("kernel_shape", 3, 3), OnnxAttribute.Ints("strides", 2, 2),
                OnnxAttribute.Ints("pads", 1, 1, 1, 1));
        }
        foreach (var stage in stages)
            x = stage.Export(graph, x);
        x = graph.Node(this, "Flatten", [graph.Node(this, "GlobalAveragePool", [x])], OnnxAttribute.Int("axis", 1));
        return graph.Gemm(fc, x);
    }
}
