using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Models;

/// <summary>What <see cref="Pretrained.Load"/> did.</summary>
/// <param name="Loaded">Entries that were read from the file.</param>
/// <param name="Skipped">Entries that kept their initial values because the file has another number of classes.</param>
/// <param name="Resized">What was resized, in words; null when nothing was.</param>
public sealed record PretrainedReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Skipped, string? Resized);

/// <summary>
/// Loads weights to start from. Names are those of the state dictionary; a prefix <c>module.</c> or <c>model.</c> in the file is
/// ignored. The classifier is loaded where the number of classes agrees and keeps its initial weights where it does not; anything
/// else must fit. (The reference drops a ResNet's classifier even where it fits, lets other names be missing, and fails on a
/// transformer file in which everything fits.)
/// </summary>
public static class Pretrained
{
    static readonly string[] Prefixes = ["module.", "model."];

    /// <summary>Loads a safetensors file into a model; the model is unchanged when it does not fit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">A safetensors file of floating-point weights in PyTorch's layouts.</param>
    /// <param name="resize">How to resize the position embedding of another image size; null refuses it.</param>
    /// <exception cref="PretrainedException">The file does not fit the model.</exception>
    /// <exception cref="SafetensorsException">The file is malformed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PretrainedReport Load(ImageModel model, string path, Interpolation? resize = null)
    {
        if (Path.GetExtension(path).ToLowerInvariant() is ".pth" or ".pt" or ".tar" or ".bin" or ".npz" or ".npy")
            throw new PretrainedException(path,
                "this is not a safetensors file; convert it with safetensors.torch.save_file in Python, then give the .safetensors file.");
        using var file = SafetensorsFile.Open(path);
        var plan = new PretrainedPlan(model, file, Names(file), resize);
        plan.Check();
        return plan.Apply();
    }

    /// <summary>File's names by the name without prefixes.</summary>
    static Dictionary<string, string> Names(SafetensorsFile file)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string full in file.Names)
        {
            string name = full;
            while (Array.Find(Prefixes, p => name.StartsWith(p, StringComparison.Ordinal)) is { } prefix)
                name = name[prefix.Length..];
            if (!names.TryAdd(name, full))
                throw new PretrainedException(file.Path, $"'{names[name]}' and '{full}' both stand for '{name}'; keep one of them.");
        }
        return names;
    }
}

/// <summary>Compares a file with a model, then copies.</summary>
sealed class PretrainedPlan
{
    readonly ImageModel model;
    readonly SafetensorsFile file;
    readonly Interpolation? resize;
    readonly List<(StateEntry Entry, SafetensorsEntry Source)> copies = [];
    readonly List<string> skipped = [], missing = [], unknown, misfits = [];
    (StateEntry Entry, SafetensorsEntry Source)? positions;

    public PretrainedPlan(ImageModel model, SafetensorsFile file, Dictionary<string, string> names, Interpolation? resize)
    {
        (this.model, this.file, this.resize) = (model, file, resize);
        string weight = $"{model.ClassifierName}.weight", bias = $"{model.ClassifierName}.bias";
        bool otherClasses = names.TryGetValue(weight, out string? head) && file.Entry(head).Shape is [var classes, ..]
            && classes != model.NumClasses;
        foreach (var entry in model.State())
        {
            if (!names.Remove(entry.Name, out string? full))
                Absent(entry);
            else if (otherClasses && (entry.Name == weight || entry.Name == bias))
                skipped.Add(entry.Name);
            else
                Take(entry, file.Entry(full));
        }
        unknown = [.. names.Keys];
    }

    void Absent(StateEntry entry)
    {
        // Counters of batch norm are younger than batch norm, and nothing depends on them.
        if (!entry.Name.EndsWith(".num_batches_tracked", StringComparison.Ordinal))
            missing.Add(entry.Name);
    }

    void Take(StateEntry entry, SafetensorsEntry source)
    {
        if (StateDict.Misfit(entry, source) is not { } misfit)
            copies.Add((entry, source));
        else if (entry.Name == "pos_embed" && source.Shape is [1, > 0, var dim] && dim == entry.Tensor.Shape[2])
            positions = (entry, source);
        else
            misfits.Add(misfit);
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
            throw new PretrainedException(file.Path, $"the file does not belong to this model: {string.Join("; ", defects)}. {Advice()}");
        if (positions is { } p)
            CheckPositions((VisionTransformer)model, checked((int)p.Source.Shape[1]));
    }

    void CheckClassToken()
    {
        if (missing.Contains("cls_token"))
        {
            throw new PretrainedException(file.Path, "the file has no class token and the model has one; "
                + $"add `{nameof(ModelOptions.Kwargs)}` class_token=False `{nameof(ModelOptions.GlobalPool)}` avg.");
        }
        if (unknown.Contains("cls_token"))
        {
            throw new PretrainedException(file.Path,
                $"the file has a class token and the model has none; add `{nameof(ModelOptions.Kwargs)}` class_token=True.");
        }
    }

    string Advice() => (missing.Contains("fc_norm.weight"), missing.Contains("norm.weight")) switch
    {
        (true, _) => $"Its final norm precedes the pooling: use `{nameof(ModelOptions.GlobalPool)}` token, as it was trained.",
        (_, true) => $"Its final norm follows the pooling: use `{nameof(ModelOptions.GlobalPool)}` avg, as it was trained.",
        _ => $"Check `{nameof(model)}` and `{nameof(ModelOptions.Kwargs)}`.",
    };

    void CheckPositions(VisionTransformer vit, int found)
    {
        int prefix = vit.HasClassToken ? 1 : 0, grid = vit.GridHeight * vit.GridWidth;
        int edge = (int)Math.Round(Math.Sqrt(found - prefix));
        string difference = $"its position embedding has {found - prefix} tokens, the model for {vit.ImageHeight}x{vit.ImageWidth} pixels "
            + $"has {grid}";
        if (edge * edge != found - prefix)
        {
            throw new PretrainedException(file.Path,
                $"{difference}, and {found - prefix} tokens form no square that could be resized. "
                + $"Check `{nameof(model)}` and `{nameof(ModelOptions.Kwargs)}`.");
        }
        if (resize is null)
        {
            throw new PretrainedException(file.Path,
                $"{difference}. Give the `{nameof(ModelOptions.ImageSize)}` it was trained with, "
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
        return new(loaded, skipped, resized);
    }

    string Resize(VisionTransformer vit, StateEntry entry, SafetensorsEntry source)
    {
        int dim = entry.Tensor.Shape[2], prefix = vit.HasClassToken ? dim : 0;
        var values = new float[source.Count];
        source.ReadFloat32(values);
        int edge = (int)Math.Round(Math.Sqrt((values.Length - prefix) / dim));
        double[] all = Array.ConvertAll(values, static v => (double)v);
        double[] grid = PositionEmbedding.Resize(all.AsSpan(prefix), (edge, edge), (vit.GridHeight, vit.GridWidth), resize!.Value);
        StateDict.FromTorch(entry.Tensor, entry.Layout, [.. values.AsSpan(0, prefix), .. Array.ConvertAll(grid, static v => (float)v)]);
        return $"pos_embed from {edge}x{edge} to {vit.GridHeight}x{vit.GridWidth} tokens ({resize.ToString()!.ToLowerInvariant()})";
    }

    static string List(List<string> items) =>
        string.Join(", ", items.Take(5)) + (items.Count > 5 ? $" and {items.Count - 5} more" : "");
}
