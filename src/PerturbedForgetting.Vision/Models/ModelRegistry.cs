using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models;

/// <summary>A registered model.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Description">One line for a list.</param>
/// <param name="Tag">Name of the weights that the reference's configuration stands for, which may follow the name after a dot; it changes
/// nothing.</param>
/// <param name="Config">What it expects of its images.</param>
/// <param name="Build">Makes it with new weights.</param>
public sealed record ModelEntry(string Name, string Description, string? Tag, ModelConfig Config, Func<ModelOptions, ImageModel> Build);

/// <summary>The models by name.</summary>
public static class ModelRegistry
{
    /// <summary>Every model, those of the reference first.</summary>
    public static IReadOnlyList<ModelEntry> Models { get; } =
    [
        ModelFamilies.ResNet("resnet50", "ResNet-50, bottleneck blocks", "a1_in1k", ModelConfig.ResNet(larger: true), new()),
        ModelFamilies.ResNet("resnet101", "ResNet-101, bottleneck blocks", "a1h_in1k", ModelConfig.ResNet(larger: true),
            new() { Layers = [3, 4, 23, 3] }),
        ModelFamilies.Transformer("vit_small_patch32_224", "ViT-S/32, 49 patches", "augreg_in21k_ft_in1k", ModelConfig.VisionTransformer,
            new() { PatchSize = 32 }),
        ModelFamilies.Transformer("vit_small_patch16_224", "ViT-S/16, 196 patches", "augreg_in21k_ft_in1k", ModelConfig.VisionTransformer,
            new()),
        ModelFamilies.ResNet("resnet18", "ResNet-18, basic blocks", null, ModelConfig.ResNet(larger: false),
            new() { Bottleneck = false, Layers = [2, 2, 2, 2] }),
        ModelFamilies.ResNet("resnet34", "ResNet-34, basic blocks", null, ModelConfig.ResNet(larger: false), new() { Bottleneck = false }),
        ModelFamilies.ResNet("resnet18_cifar", "ResNet-18 with a 3x3 stem without pooling, for 32 px", null, ModelConfig.CifarResNet,
            new() { Bottleneck = false, Layers = [2, 2, 2, 2], Stem = ResNetStem.Cifar }),
        ModelFamilies.ResNet("resnet20", "ResNet-20 of He et al. 2015, section 4.2 (padded shortcuts)", null, ModelConfig.CifarResNet,
            ModelFamilies.CifarResNet(3)),
        ModelFamilies.ResNet("resnet56", "ResNet-56 of He et al. 2015, section 4.2 (padded shortcuts)", null, ModelConfig.CifarResNet,
            ModelFamilies.CifarResNet(9)),
        ModelFamilies.Transformer("vit_tiny_patch16_224", "ViT-Ti/16, 196 patches", null, ModelConfig.VisionTransformer,
            new() { Dim = 192, Heads = 3 }),
        ModelFamilies.Transformer("vit_tiny_patch4_32", "ViT-Ti/4 for 32 px, 64 patches", null, ModelConfig.CifarVisionTransformer,
            new() { Dim = 192, Heads = 3, PatchSize = 4 }),
    ];

    /// <summary>Makes a model with new weights, drawn as <see cref="Initialization"/> says.</summary>
    /// <exception cref="ModelOptionException">The name or an option is not known, or options do not go together.</exception>
    public static ImageModel Create(string name, ModelOptions? options = null)
    {
        options ??= new();
        if (options.NumClasses < 1)
            throw new ModelOptionException($"`{nameof(ModelOptions.NumClasses)}` is at least 1, not {options.NumClasses}.");
        if (options.ImageSize < 1)
            throw new ModelOptionException($"`{nameof(ModelOptions.ImageSize)}` is at least 1, not {options.ImageSize}.");
        var model = Find(name).Build(options);
        if (options.HeadInitBias is { } bias)
            model.FillHeadBias(bias);
        return model;
    }

    /// <summary>The model of a name, which a tag may follow after a dot (<c>resnet50.a1_in1k</c>).</summary>
    /// <exception cref="ModelOptionException">There is none.</exception>
    public static ModelEntry Find(string name)
    {
        int dot = name.IndexOf('.');
        string plain = dot < 0 ? name : name[..dot];
        var entry = Models.FirstOrDefault(m => m.Name == plain)
            ?? throw new ModelOptionException($"There is no `model` '{plain}'.{Suggestions.DidYouMean(plain, Models.Select(m => m.Name))} "
                + $"The models are {string.Join(", ", Models.Select(m => m.Name))}.");
        if (dot >= 0 && name[(dot + 1)..] != entry.Tag)
            throw new ModelOptionException($"Model {plain} has no tag '{name[(dot + 1)..]}'; " + (entry.Tag is null
                ? "it has none."
                : $"its tag is '{entry.Tag}', or leave it out."));
        return entry;
    }
}
