namespace PerturbedForgetting.Vision.Models;

/// <summary>Turns the options of any model into those of an architecture.</summary>
static class ModelFamilies
{
    static readonly Dictionary<string, ResNetStem> Stems = new(StringComparer.Ordinal)
    {
        [""] = ResNetStem.Plain,
        ["deep"] = ResNetStem.Deep,
        ["deep_tiered"] = ResNetStem.DeepTiered,
        ["cifar"] = ResNetStem.Cifar,
    };

    /// <summary>The networks of He et al. 2015, section 4.2: three stages of n blocks with 16, 32 and 64 channels, identity shortcuts
    /// padded with zeros.</summary>
    public static ResNetOptions CifarResNet(int blocks) => new()
    {
        Bottleneck = false,
        Layers = [blocks, blocks, blocks],
        Channels = [16, 32, 64],
        Stem = ResNetStem.Cifar,
        Shortcut = ResNetShortcut.Padding,
    };

    public static ModelEntry ResNet(string name, string description, string? tag, ModelConfig config, ResNetOptions shape) =>
        new(name, description, tag, config, options =>
        {
            if (options.GlobalPool is not (null or "avg"))
                throw new ModelOptionException($"`{nameof(ModelOptions.GlobalPool)}` '{options.GlobalPool}': {name} pools by 'avg' only.");
            var kwargs = new ModelKwargs(name, options.Kwargs);
            bool averages = kwargs.Flag("avg_down") ?? false;
            var bound = shape with
            {
                Layers = kwargs.Wholes("layers", shape.Layers),
                Stem = kwargs.Choice("stem_type", Stems) ?? shape.Stem,
                StemWidth = kwargs.Whole("stem_width", ModelKwargs.MostFeatures) ?? shape.StemWidth,
                Shortcut = averages ? ResNetShortcut.AveragePool : shape.Shortcut,
                Cardinality = kwargs.Whole("cardinality", ModelKwargs.MostFeatures) ?? shape.Cardinality,
                BaseWidth = kwargs.Whole("base_width", ModelKwargs.MostFeatures) ?? shape.BaseWidth,
                OutputStride = kwargs.Whole("output_stride", ModelKwargs.MostFeatures) ?? shape.OutputStride,
                ZeroInitLast = kwargs.Flag("zero_init_last") ?? shape.ZeroInitLast,
                BnMomentum = options.BnMomentum ?? shape.BnMomentum,
                BnEps = options.BnEps ?? shape.BnEps,
                Drop = options.Drop,
                NumClasses = options.NumClasses ?? config.NumClasses,
                ImageSize = options.ImageSize ?? config.InputSize,
            };
            kwargs.Complete();
            return new ResNet(bound);
        });

    public static ModelEntry Transformer(string name, string description, string? tag, ModelConfig config,
        VisionTransformerOptions shape) =>
        new(name, description, tag, config, options =>
        {
            if ((options.BnMomentum ?? options.BnEps) is not null)
            {
                throw new ModelOptionException(
                    $"`{nameof(ModelOptions.BnMomentum)}` and `{nameof(ModelOptions.BnEps)}`: {name} has no batch norm.");
            }
            var kwargs = new ModelKwargs(name, options.Kwargs);
            int size = options.ImageSize ?? config.InputSize;
            var bound = shape with
            {
                ImageHeight = size,
                ImageWidth = size,
                PatchSize = kwargs.Whole("patch_size", ModelKwargs.MostFeatures) ?? shape.PatchSize,
                Dim = kwargs.Whole("embed_dim", ModelKwargs.MostFeatures) ?? shape.Dim,
                Depth = kwargs.Whole("depth", ModelKwargs.MostLayers) ?? shape.Depth,
                Heads = kwargs.Whole("num_heads", ModelKwargs.MostFeatures) ?? shape.Heads,
                MlpRatio = kwargs.Number("mlp_ratio") ?? shape.MlpRatio,
                QkvBias = kwargs.Flag("qkv_bias") ?? shape.QkvBias,
                ClassToken = kwargs.Flag("class_token") ?? shape.ClassToken,
                NormAfterPooling = kwargs.Flag("fc_norm"),
                Pooling = options.GlobalPool switch
                {
                    null => shape.Pooling,
                    "token" => TokenPooling.Token,
                    "avg" => TokenPooling.Average,
                    "" => TokenPooling.None,
                    _ => throw new ModelOptionException(
                        $"`{nameof(ModelOptions.GlobalPool)}` '{options.GlobalPool}': "
                        + $"{name} pools by 'avg', by 'token', or with '' not at all."),
                },
                Drop = options.Drop,
                NumClasses = options.NumClasses ?? config.NumClasses,
            };
            kwargs.Complete();
            return new VisionTransformer(bound);
        });
}
