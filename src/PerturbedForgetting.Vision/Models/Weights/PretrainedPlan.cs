using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>Compares a file with a model, then copies.</summary>
sealed class PretrainedPlan
{
    const int ImageNet21k = 21843, ImageNet21kP = 11221;

    readonly ImageModel model;
    readonly NamedWeights named;
    readonly WeightTable table;
    readonly Interpolation? resize;
    readonly string look;
    readonly List<(StateEntry Entry, WeightsEntry Source)> copies = [];
    readonly List<string> skipped = [], missing = [], unknown = [], misfits = [];
    readonly string? skippedBecause;
    (StateEntry Entry, WeightsEntry Source)? positions;

    public PretrainedPlan(ImageModel model, NamedWeights named, Interpolation? resize)
    {
        (this.model, this.named, this.resize, table) = (model, named, resize, named.Table);
        look = NetworkLook.Of(table, named.Naming);
        RequireFamily();
        NetworkLook.RequireImagesAndPatches(table, model);
        skippedBecause = TakeHead();
        foreach (var entry in model.State().ToList())
        {
            if (skipped.Contains(entry.Name))
                continue;
            if (table.Take(entry.Name) is { } source)
                Plan(entry, source);
            else if (!entry.Name.EndsWith(".num_batches_tracked", StringComparison.Ordinal))
                // Counters of batch norm are younger than batch norm, and nothing depends on them.
                missing.Add(entry.Name);
        }
        StartPoolingNorm();
        SortTheRest();
    }

    string Path => named.File.Path;

    PretrainedException Refusal(string defect) => new(Path, defect);

    void RequireFamily()
    {
        bool isTransformer = model is VisionTransformer;
        if (named.Naming is { } naming && naming.IsTransformer != isTransformer)
        {
            throw Refusal($"these are weights of a {(isTransformer ? "ResNet, and the model is a vision transformer" :
                "vision transformer, and the model is a ResNet")}; choose another `{nameof(model)}`. {look}");
        }
    }

    /// <summary>Lets the head keep its initial values where the file has none for it.</summary>
    /// <returns>Why, in words; null where it fits.</returns>
    string? TakeHead()
    {
        string weight = $"{model.ClassifierName}.weight", bias = $"{model.ClassifierName}.bias";
        string? reason = (table.Find(weight), table.Find(bias)) switch
        {
            (null, _) => "the file has no classifier",
            (_, null) => "the file's classifier has no bias",
            ({ Shape: [var classes, _] }, _) when classes != model.NumClasses => "the file's classifier has another number of classes, "
                + $"{classes}"
                + (classes is ImageNet21k or ImageNet21kP or ImageNet21k - 2 ? " (ImageNet-21k)" : ""),
            _ => null,
        };
        if (reason is null)
            return null;
        foreach (string name in (ReadOnlySpan<string>)[weight, bias])
        {
            skipped.Add(name);
            if (table.Take(name) is { } unused)
                named.LeftOut.Add(unused.Name);
        }
        return reason;
    }

    void Plan(StateEntry entry, WeightsEntry source)
    {
        if (StateDict.Misfit(entry, source) is not { } misfit)
            copies.Add((entry, source));
        else if (entry.Name == "pos_embed" && source.IsFloatingPoint && source.Shape is [1, > 0 and < 1 << 24, var dim]
            && dim == entry.Tensor.Shape[2])
            positions = (entry, source);
        else
            misfits.Add(misfit);
    }

    /// <summary>A network that was trained without a classifier (MAE) has a norm before the pooling, which nothing was trained behind: a
    /// model with one behind it starts that anew, as its authors do.</summary>
    void StartPoolingNorm()
    {
        if (!skipped.Contains($"{model.ClassifierName}.weight") || skippedBecause != "the file has no classifier"
            || !missing.Contains("fc_norm.weight") || !missing.Contains("fc_norm.bias"))
            return;
        foreach (string kind in (ReadOnlySpan<string>)["weight", "bias"])
        {
            missing.Remove($"fc_norm.{kind}");
            skipped.Add($"fc_norm.{kind}");
            if (table.Take($"norm.{kind}") is { } unused)
                named.LeftOut.Add(unused.Name);
        }
    }

    /// <summary>What is left lies beside the network, or changes what it computes.</summary>
    void SortTheRest()
    {
        var parts = model.State().Select(static e => e.Name.Split('.')[0]).Where(p => p != model.ClassifierName)
            .Append("cls_token").Append("norm").Append("fc_norm").ToHashSet(StringComparer.Ordinal);
        foreach (string name in table.Names)
        {
            if (NetworkLook.Unsupported(name) is { } reason)
                throw Refusal($"it has '{table.Find(name)!.Name}': {reason}");
            if (parts.Contains(name.Split('.')[0]) && !name.Contains("pre_logits", StringComparison.Ordinal))
                unknown.Add(name);
            else
                named.LeftOut.Add(table.Find(name)!.Name);
        }
    }

    /// <exception cref="PretrainedException">Something does not fit.</exception>
    public void Check()
    {
        CheckClassToken();
        var defects = new List<string>();
        if (missing.Count > 0)
            defects.Add($"it lacks {List(missing)}");
        if (unknown.Count > 0)
            defects.Add($"it has {List(unknown)}, which the model has not");
        if (misfits.Count > 0)
            defects.Add(List(misfits));
        if (defects.Count > 0)
            throw Refusal($"the file does not belong to this model: {string.Join("; ", defects)}. {Advice()} {look}".TrimEnd());
        if (positions is { } p)
            CheckPositions((VisionTransformer)model, checked((int)p.Source.Shape[1]));
    }

    void CheckClassToken()
    {
        if (missing.Contains("cls_token"))
        {
            throw Refusal("the file has no class token and the model has one; "
                + $"add `{nameof(ModelOptions.Kwargs)}` class_token=False `{nameof(ModelOptions.GlobalPool)}` avg.");
        }
        if (unknown.Contains("cls_token"))
            throw Refusal($"the file has a class token and the model has none; add `{nameof(ModelOptions.Kwargs)}` class_token=True.");
    }

    string Advice() => (missing.Contains("fc_norm.weight"), missing.Contains("norm.weight")) switch
    {
        (true, _) => $"Its final norm precedes the pooling: use `{nameof(ModelOptions.GlobalPool)}` token, as it was trained, or "
            + $"`{nameof(ModelOptions.Kwargs)}` fc_norm=False where it was trained with the mean.",
        (_, true) => $"Its final norm follows the pooling: use `{nameof(ModelOptions.GlobalPool)}` avg, as it was trained.",
        _ => $"Check `{nameof(model)}` and `{nameof(ModelOptions.Kwargs)}`.",
    };

    void CheckPositions(VisionTransformer vit, int found)
    {
        int prefix = vit.HasClassToken ? 1 : 0, grid = vit.GridHeight * vit.GridWidth;
        int edge = (int)Math.Round(Math.Sqrt(Math.Max(found - prefix, 0)));
        string difference = $"its position embedding has {found - prefix} tokens, the model for {vit.ImageHeight}x{vit.ImageWidth} pixels "
            + $"has {grid}";
        if (edge == 0 || edge * edge != found - prefix)
        {
            throw Refusal($"{difference}, and {found - prefix} tokens form no square that could be resized. "
                + $"Check `{nameof(model)}` and `{nameof(ModelOptions.Kwargs)}`.");
        }
        if (resize is null)
        {
            throw Refusal($"{difference}. Give the `{nameof(ModelOptions.ImageSize)}` it was trained with, "
                + $"or train with `{nameof(resize)}` bicubic, which fits it.");
        }
    }

    public PretrainedReport Apply()
    {
        foreach (var (entry, source) in copies)
            StateDict.Read(entry, source);
        var loaded = copies.ConvertAll(c => c.Entry.Name);
        string? resized = null;
        if (positions is { } p)
        {
            resized = Resize((VisionTransformer)model, p.Entry, p.Source);
            loaded.Add(p.Entry.Name);
        }
        return new(loaded, skipped, resized)
        {
            Format = named.File.Format,
            SkippedBecause = skippedBecause,
            LeftOut = named.LeftOut,
            Notes = named.Notes,
        };
    }

    string Resize(VisionTransformer vit, StateEntry entry, WeightsEntry source)
    {
        int dim = entry.Tensor.Shape[2], prefix = vit.HasClassToken ? dim : 0;
        float[] values = WeightTable.Values(source);
        int edge = (int)Math.Round(Math.Sqrt((values.Length - prefix) / dim));
        double[] all = Array.ConvertAll(values, static v => (double)v);
        double[] grid = PositionEmbedding.Resize(all.AsSpan(prefix), (edge, edge), (vit.GridHeight, vit.GridWidth), resize!.Value);
        StateDict.FromTorch(entry.Tensor, entry.Layout, [.. values.AsSpan(0, prefix), .. Array.ConvertAll(grid, static v => (float)v)]);
        return $"pos_embed from {edge}x{edge} to {vit.GridHeight}x{vit.GridWidth} tokens ({resize.ToString()!.ToLowerInvariant()})";
    }

    static string List(List<string> items) =>
        string.Join(", ", items.Take(5)) + (items.Count > 5 ? $" and {items.Count - 5} more" : "");
}
