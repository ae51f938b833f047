using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>Tells from names and shapes what network a file is of, so that a message can say what to choose.</summary>
static class NetworkLook
{
    /// <summary>Parts of names of layers that the models here have not, with why their weights cannot be used without them.</summary>
    static readonly (string Part, string Reason)[] Layers =
    [
        ("dist_token", Distilled), ("head_dist", Distilled), ("distillation", Distilled),
        ("reg_token", Registers), ("register_tokens", Registers),
        ("ls1.", LayerScale), ("ls2.", LayerScale), (".gamma_1", LayerScale), (".gamma_2", LayerScale), ("layer_scale", LayerScale),
        (".q_norm.", "its queries and keys are normalised (qk-norm), which the models here do not do."),
        ("relative_position", "its positions are relative (Swin, BEiT), and the models here learn absolute ones."),
        ("rel_pos", "its positions are relative (Swin, BEiT), and the models here learn absolute ones."),
        ("norm_pre.", "its tokens are normalised before the blocks (CLIP), which the models here do not do."),
        (".w12.", "its MLP is gated (SwiGLU), which the models here do not have."),
        ("attn_pool.", "it pools by attention; the models here pool by token or mean."),
        (".se.", "its blocks have squeeze-and-excitation; use weights of a plain ResNet or ResNeXt."),
    ];

    const string Distilled = "the model is distilled (DeiT), with a token and a head of its own for the teacher's labels, which the "
        + "models here have not. Use the weights of the same size without distillation.",
        Registers = "the model has register tokens, which the models here have not.",
        LayerScale = "its blocks scale their branches (layer scale), which the models here do not do.";

    /// <summary>Why a network with a tensor of this name cannot be put into a model here; null where the name says nothing of the
    /// kind.</summary>
    public static string? Unsupported(string name)
    {
        foreach ((string part, string reason) in Layers)
            if (name.Contains(part, StringComparison.Ordinal))
                return reason;
        return null;
    }

    /// <summary>What the network looks like, as a sentence; empty where it looks like none.</summary>
    public static string Of(WeightTable table, WeightNaming? naming)
    {
        if (naming is null)
            return "";
        if (!naming.IsTransformer)
        {
            bool bottleneck = table.Find("layer1.0.conv3.weight") is not null, deep = table.Find("conv1.0.weight") is not null;
            var layers = new List<int>();
            for (int stage = 1; stage <= 8 && Count(table, i => $"layer{stage}.{i}.conv1.weight") is > 0 and var blocks; stage++)
                layers.Add(blocks);
            return $"The file looks like a ResNet with {(bottleneck ? "bottleneck" : "basic")} blocks, layers=[{string.Join(",", layers)}]"
                + (bottleneck && table.Find("layer1.0.conv2.weight") is { Shape: [not 64 and var width, > 0 and var group, ..] }
                    ? $", cardinality={width / group}, base_width={group}" : "")
                + (deep ? ", stem_type=deep." : ".");
        }
        return table.Find("patch_embed.proj.weight") is { Shape: [var dim, .., var patch] }
            ? $"The file looks like a vision transformer with embed_dim={dim}, "
                + $"depth={Count(table, static i => $"blocks.{i}.norm1.weight")}, "
                + $"patch_size={patch}, {(table.Find("cls_token") is null ? "no" : "a")} class token."
            : "";
    }

    /// <summary>Refuses weights for images of other channels or patches of another size, and flattened patches are unfolded.</summary>
    /// <exception cref="PretrainedException">The file is of such a network.</exception>
    public static void RequireImagesAndPatches(WeightTable table, ImageModel model)
    {
        string[] first = ["patch_embed.proj.weight", "conv1.weight", "conv1.0.weight"];
        if (Array.Find(first, n => table.Find(n) is not null) is not { } name)
            return;
        long[] expected = [];
        foreach (var entry in model.State())
            if (entry.Name == name)
                expected = StateDict.TorchShape(entry);
        // The first models of timm had a matrix in the place of the convolution.
        if (name == first[0] && table.Find(name)!.Shape is [var rows, var columns] && expected is [_, var channels, var height, var width]
            && columns == channels * height * width)
            table.Reorder(name, name, [rows, channels, height, width]);
        if (table.Find(name)!.Shape is not [_, var inputs, var kernelHeight, var kernelWidth])
            return;
        if (inputs != 3)
        {
            throw new PretrainedException(table.Path, $"its first layer takes images of {Quantity.Of(inputs, "channel")} "
                + $"('{table.Find(name)!.Name}' is {table.Find(name)!.ShapeText}); the models here take the 3 channels of RGB.");
        }
        if (name == first[0] && expected is [.., var patchHeight, var patchWidth]
            && (kernelHeight, kernelWidth) != (patchHeight, patchWidth))
        {
            throw new PretrainedException(table.Path, $"its patches have {kernelHeight}x{kernelWidth} pixels, the model's {patchHeight}x"
                + $"{patchWidth}; choose another `{nameof(model)}`, or add `{nameof(ModelOptions.Kwargs)}` patch_size={kernelHeight}.");
        }
    }

    static int Count(WeightTable table, Func<int, string> name)
    {
        int count = 0;
        while (table.Find(name(count)) is not null)
            count++;
        return count;
    }
}
