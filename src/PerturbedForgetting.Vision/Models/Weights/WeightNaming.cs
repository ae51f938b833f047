using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>How a library names the tensors of a network.</summary>
/// <param name="Library">Whose names they are.</param>
/// <param name="IsTransformer">Whether the network is a vision transformer and not a ResNet.</param>
/// <param name="Anchor">A name that every such file has, but for a prefix.</param>
/// <param name="Translate">Brings names and layouts into those of the models here; adds names in the file of what has no use.</param>
sealed record WeightNaming(string Library, bool IsTransformer, string Anchor, Action<WeightTable, List<string>> Translate)
{
    static readonly (Regex Pattern, string Replacement)[] TorchvisionTransformer =
    [
        (new(@"^class_token$"), "cls_token"),
        (new(@"^conv_proj\."), "patch_embed.proj."),
        (new(@"^encoder\.pos_embedding$"), "pos_embed"),
        (new(@"^encoder\.layers\.encoder_layer_(\d+)\.ln_(\d)\."), "blocks.$1.norm$2."),
        (new(@"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_"), "blocks.$1.attn.qkv."),
        (new(@"^encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\."), "blocks.$1.attn.proj."),
        (new(@"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(linear_1|0)\."), "blocks.$1.mlp.fc1."),
        (new(@"^encoder\.layers\.encoder_layer_(\d+)\.mlp\.(linear_2|3)\."), "blocks.$1.mlp.fc2."),
        (new(@"^encoder\.ln\."), "norm."),
    ];

    static readonly (Regex Pattern, string Replacement)[] HuggingFaceTransformer =
    [
        (new(@"^embeddings\.cls_token$"), "cls_token"),
        (new(@"^embeddings\.distillation_token$"), "dist_token"),
        (new(@"^embeddings\.position_embeddings$"), "pos_embed"),
        (new(@"^embeddings\.patch_embeddings\.projection\."), "patch_embed.proj."),
        (new(@"^encoder\.layer\.(\d+)\.attention\.output\.dense\."), "blocks.$1.attn.proj."),
        (new(@"^encoder\.layer\.(\d+)\.intermediate\.dense\."), "blocks.$1.mlp.fc1."),
        (new(@"^encoder\.layer\.(\d+)\.output\.dense\."), "blocks.$1.mlp.fc2."),
        (new(@"^encoder\.layer\.(\d+)\.layernorm_before\."), "blocks.$1.norm1."),
        (new(@"^encoder\.layer\.(\d+)\.layernorm_after\."), "blocks.$1.norm2."),
        (new(@"^layernorm\."), "norm."),
    ];

    static readonly (Regex Pattern, string Replacement)[] HuggingFaceResNet =
    [
        (new(@"^embedder\.embedder\.convolution\."), "conv1."),
        (new(@"^embedder\.embedder\.normalization\."), "bn1."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.convolution\."), "stages.$1.$2.downsample.0."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.normalization\."), "stages.$1.$2.downsample.1."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.0\.convolution\."), "stages.$1.$2.conv1."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.1\.convolution\."), "stages.$1.$2.conv2."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.2\.convolution\."), "stages.$1.$2.conv3."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.0\.normalization\."), "stages.$1.$2.bn1."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.1\.normalization\."), "stages.$1.$2.bn2."),
        (new(@"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.2\.normalization\."), "stages.$1.$2.bn3."),
        (new(@"^stages\.0\."), "layer1."),
        (new(@"^stages\.1\."), "layer2."),
        (new(@"^stages\.2\."), "layer3."),
        (new(@"^stages\.3\."), "layer4."),
    ];

    /// <summary>Every one that is understood.</summary>
    public static IReadOnlyList<WeightNaming> All { get; } =
    [
        new("timm", true, "patch_embed.proj.weight", static (_, _) => { }),
        new("timm and torchvision", false, "layer1.0.conv1.weight", static (_, _) => { }),
        new("the JAX authors of ViT", true, "embedding/kernel", JaxTransformer.Translate),
        new("torchvision", true, "conv_proj.weight", static (table, _) => RenameAll(table, TorchvisionTransformer)),
        new("Hugging Face transformers", true, "embeddings.patch_embeddings.projection.weight", TranslateHuggingFace),
        new("Hugging Face transformers", false, "embedder.embedder.convolution.weight",
            static (table, _) => RenameAll(table, HuggingFaceResNet)),
    ];

    static void RenameAll(WeightTable table, (Regex Pattern, string Replacement)[] rules)
    {
        foreach ((Regex pattern, string replacement) in rules)
            table.Rename(pattern, replacement);
    }

    static void TranslateHuggingFace(WeightTable table, List<string> leftOut)
    {
        RenameAll(table, HuggingFaceTransformer);
        for (int block = 0; table.Find($"encoder.layer.{block}.attention.attention.query.weight") is not null; block++)
            foreach (string kind in (string[])["weight", "bias"])
                Join(table, $"blocks.{block}.attn.qkv.{kind}",
                    [.. ((string[])["query", "key", "value"]).Select(p => $"encoder.layer.{block}.attention.attention.{p}.{kind}")]);
    }

    /// <summary>Puts tensors below each other, where all of them are there and have one shape.</summary>
    static void Join(WeightTable table, string name, string[] parts)
    {
        WeightsEntry?[] found = Array.ConvertAll(parts, table.Find);
        if (Array.Exists(found, f => f is null || f.Shape.Length == 0 || !f.Shape.SequenceEqual(found[0]!.Shape)))
            return;
        foreach (string part in parts)
            table.Take(part);
        long[] shape = found[0]!.Shape.ToArray();
        shape[0] *= found.Length;
        table.Add(name, new ComposedEntry(table.Path, found[0]!.Name, shape,
            () => [.. found.SelectMany(static f => WeightTable.Values(f!))]));
    }
}
