using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>
/// Names and layouts of the authors of ViT (Dosovitskiy et al. 2020; the checkpoints of "How to train your ViT", and big_vision's):
/// kernels are <c>[in, out]</c>, those of convolutions <c>[height, width, in, out]</c>, those of the attention have an axis for the heads.
/// </summary>
static class JaxTransformer
{
    const string Encoder = "Transformer/";

    public static void Translate(WeightTable table, List<string> leftOut)
    {
        if (table.Names.FirstOrDefault(static n => n.StartsWith("conv_root", StringComparison.Ordinal)) is not null)
            throw new PretrainedException(table.Path, "it is a hybrid of ResNet and transformer; the models here have no such stem.");
        if (table.Names.FirstOrDefault(static n => n.StartsWith("MAPHead_", StringComparison.Ordinal)) is not null)
            throw new PretrainedException(table.Path, "it pools by attention (MAP head); the models here pool by token or mean.");
        if (table.Find($"{Encoder}encoderblock/LayerNorm_0/scale") is not null)
            throw new PretrainedException(table.Path, "its blocks are stacked into one tensor (scan); save it with one entry a block.");
        if (table.Find("embedding/kernel")!.Shape is not [> 0, > 0, > 0, > 0])
            throw new PretrainedException(table.Path, $"'embedding/kernel' is {table.Find("embedding/kernel")!.ShapeText}, not a "
                + "convolution.");
        Convolution(table, "embedding", "patch_embed.proj");
        table.Rename("cls", "cls_token");
        table.Rename($"{Encoder}posembed_input/pos_embedding", "pos_embed");
        table.Rename("pos_embedding", "pos_embed");
        Norm(table, $"{Encoder}encoder_norm", "norm");
        Dense(table, "head", "head");
        foreach (string name in table.Names.Where(static n => n.StartsWith("pre_logits/", StringComparison.Ordinal)).ToList())
            leftOut.Add(table.Take(name)!.Name);
        for (int block = 0; table.Find($"{Encoder}encoderblock_{block}/LayerNorm_0/scale") is not null; block++)
            Block(table, $"{Encoder}encoderblock_{block}/", $"blocks.{block}.");
    }

    static void Block(WeightTable table, string from, string to)
    {
        // The submodules are numbered as they were made, which differs between the two code bases.
        bool first = table.Find($"{from}MultiHeadDotProductAttention_1/query/kernel") is not null;
        string attention = $"{from}MultiHeadDotProductAttention_{(first ? 1 : 0)}", mlp = $"{from}MlpBlock_{(first ? 3 : 0)}";
        Norm(table, $"{from}LayerNorm_0", $"{to}norm1");
        Norm(table, $"{from}LayerNorm_{(first ? 2 : 1)}", $"{to}norm2");
        JoinHeads(table, attention, $"{to}attn.qkv");
        if (table.Find($"{attention}/out/kernel") is { Shape: [var heads, var size, var dim] })
            table.Reorder($"{attention}/out/kernel", $"{to}attn.proj.weight", [dim, heads * size],
                values => WeightTable.Transposed(values, heads * size));
        table.Rename($"{attention}/out/bias", $"{to}attn.proj.bias");
        Dense(table, $"{mlp}/Dense_0", $"{to}mlp.fc1");
        Dense(table, $"{mlp}/Dense_1", $"{to}mlp.fc2");
    }

    /// <summary>Query, key and value, each [features, heads, size], as one matrix.</summary>
    static void JoinHeads(WeightTable table, string attention, string to)
    {
        WeightsEntry?[] kernels = [.. Parts("kernel")], biases = [.. Parts("bias")];
        if (Array.TrueForAll(kernels, k => k is { Shape.Length: 3 } && k.Shape.SequenceEqual(kernels[0]!.Shape)))
        {
            ReadOnlySpan<long> shape = kernels[0]!.Shape;
            long dim = shape[0], all = shape[1] * shape[2];
            Remove("kernel");
            table.Add($"{to}.weight", new ComposedEntry(table.Path, kernels[0]!.Name, [3 * all, dim],
                () => [.. kernels.SelectMany(k => WeightTable.Transposed(WeightTable.Values(k!), dim))]));
        }
        if (Array.TrueForAll(biases, b => b is { Shape.Length: 2 } && b.Shape.SequenceEqual(biases[0]!.Shape)))
        {
            long all = biases[0]!.Count;
            Remove("bias");
            table.Add($"{to}.bias", new ComposedEntry(table.Path, biases[0]!.Name, [3 * all],
                () => [.. biases.SelectMany(static b => WeightTable.Values(b!))]));
        }

        IEnumerable<WeightsEntry?> Parts(string kind) =>
            ((string[])["query", "key", "value"]).Select(part => table.Find($"{attention}/{part}/{kind}"));

        void Remove(string kind)
        {
            foreach (string part in (ReadOnlySpan<string>)["query", "key", "value"])
                table.Take($"{attention}/{part}/{kind}");
        }
    }

    static void Norm(WeightTable table, string from, string to)
    {
        table.Rename($"{from}/scale", $"{to}.weight");
        table.Rename($"{from}/bias", $"{to}.bias");
    }

    static void Dense(WeightTable table, string from, string to)
    {
        if (table.Find($"{from}/kernel") is { Shape: [var inputs, var outputs] })
            table.Reorder($"{from}/kernel", $"{to}.weight", [outputs, inputs], values => WeightTable.Transposed(values, inputs));
        table.Rename($"{from}/bias", $"{to}.bias");
    }

    /// <summary>[height, width, in, out] to [out, in, height, width].</summary>
    static void Convolution(WeightTable table, string from, string to)
    {
        ReadOnlySpan<long> shape = table.Find($"{from}/kernel")!.Shape;
        long area = shape[0] * shape[1], inputs = shape[2], outputs = shape[3];
        table.Reorder($"{from}/kernel", $"{to}.weight", [outputs, inputs, shape[0], shape[1]], values =>
        {
            float[] channelsFirst = WeightTable.Transposed(values, area * inputs);
            return [.. channelsFirst.Chunk((int)(area * inputs)).SelectMany(filter => WeightTable.Transposed(filter, area))];
        });
        table.Rename($"{from}/bias", $"{to}.bias");
    }
}
