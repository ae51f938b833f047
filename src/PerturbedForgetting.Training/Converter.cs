using System.Globalization;
using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Training;

/// <summary>
/// Writes weights in another format: the work of the command <c>convert</c>. Between formats of tensors, all tensors are copied as they
/// are, whatever they belong to; with a model named, they are loaded into it and written under its names. An ONNX file is made of a model.
/// What a file says about itself goes along.
/// </summary>
public static class Converter
{
    /// <summary>Converts a file.</summary>
    /// <param name="options">The file, the file to write, and the model where it has to be named.</param>
    /// <param name="observer">Receives what a person should know.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults.</param>
    /// <exception cref="OptionException">An option is wrong, or the file to write is there already.</exception>
    /// <exception cref="CheckpointException">There is no such file, or what it says about itself is malformed.</exception>
    /// <exception cref="WeightsException">The file is malformed, or its weights cannot be written so.</exception>
    /// <exception cref="PretrainedException">The weights do not belong to the model.</exception>
    /// <exception cref="IOException">The file cannot be written; one that was there is unchanged.</exception>
    public static void Run(ConvertOptions options, ITrainingObserver observer, IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid(OptionTables.Convert);
        if (options.Checkpoint.Length == 0)
            throw new OptionException(new OptionProblem("convert", "name the file to convert behind the command."));
        string target = options.Out!;
        if (!options.Overwrite && Path.Exists(target))
        {
            throw new OptionException(new OptionProblem(ConvertOptions.OutOption.Flag,
                $"'{target}' is there already; name another file, or replace it with {ConvertOptions.OverwriteOption}."));
        }
        // A graphics card has nothing to do here.
        options = options with { Device = "cpu" };
        using var checkpoint = ModelCheckpoint<ConvertOptions>.Open(options, given);
        WeightsFile source = checkpoint.File!;
        foreach (string note in source.Notes)
            observer.Message(MessageLevel.Info, $"{source.Path}: {note}.");
        if (Path.GetFullPath(source.Path) == Path.GetFullPath(target))
            throw new OptionException(new OptionProblem(ConvertOptions.OutOption.Flag, $"'{target}' is the file to convert."));
        var format = WeightsFormat.Of(target)!.Value;
        bool namesModel = given?.Contains(RunOptions.ModelOption) ?? options.Values.ContainsKey(RunOptions.ModelOption.Name);
        int tensors = format == WeightsFileFormat.Onnx ? Export(checkpoint, namesModel, target, observer)
            : namesModel ? Rewrite(checkpoint, Writer(format, source), target, observer)
            : Copy(source, Writer(format, source), target);
        observer.Message(MessageLevel.Info, string.Create(CultureInfo.InvariantCulture,
            $"Written: {target}, {Quantity.Of(tensors, "tensor")}, {new FileInfo(target).Length / 1e6:F1} MB"));
    }

    static IWeightsWriter Writer(WeightsFileFormat format, WeightsFile source) => format == WeightsFileFormat.Safetensors
        ? new SafetensorsWriter(Texts(source).Append(new("format", "pt")).DistinctBy(t => t.Key))
        : new TorchWriter(Texts(source));

    /// <summary>What the file says about itself, but for what is true of that file alone.</summary>
    static IEnumerable<KeyValuePair<string, string>> Texts(WeightsFile source) =>
        source.Metadata.Where(t => t.Key is not (SafetensorsFile.ChecksumKey or SafetensorsFile.LengthKey));

    static int Copy(WeightsFile source, IWeightsWriter writer, string target)
    {
        foreach (string name in source.Names)
        {
            var entry = source.Entry(name);
            writer.Add(name, entry.DType, entry.Shape, entry.CopyTo);
        }
        writer.Save(target);
        return source.Names.Count;
    }

    static int Rewrite(ModelCheckpoint<ConvertOptions> checkpoint, IWeightsWriter writer, string target, ITrainingObserver observer)
    {
        using var loaded = Load(checkpoint, observer);
        StateDict.Write(loaded.Model, writer);
        writer.Save(target);
        return loaded.Model.State().Count();
    }

    static int Export(ModelCheckpoint<ConvertOptions> checkpoint, bool namesModel, string target, ITrainingObserver observer)
    {
        if (checkpoint.Training is null && !namesModel)
        {
            throw new OptionException(new OptionProblem(RunOptions.ModelOption.Flag,
                $"'{checkpoint.Path}' does not say which model its weights are of; name it, and what else was not its default."));
        }
        using var loaded = Load(checkpoint, observer);
        OnnxFile.Save(loaded.Model, target, Describe(checkpoint, loaded.Images));
        return loaded.Model.State().Count();
    }

    static LoadedModel Load(ModelCheckpoint<ConvertOptions> checkpoint, ITrainingObserver observer)
    {
        var options = checkpoint.Options;
        int classes = checkpoint.NumClasses ?? throw new OptionException(new OptionProblem(RunOptions.NumClassesOption.Flag,
            $"nothing in '{checkpoint.Path}' tells how many classes the model has; give it."));
        // The model is made for the images that it will see.
        options.ImgSize = ImageSetup.Resolve(options, ModelRegistry.Find(options.Model).Config, useTestSize: !options.UseTrainSize).Size;
        return LoadedModel.Create(checkpoint, classes, 1, observer);
    }

    /// <summary>What those who run the model must know: how to prepare images, and what the classes are called.</summary>
    static Dictionary<string, string> Describe(ModelCheckpoint<ConvertOptions> checkpoint, ImageSetup images)
    {
        var preparation = images.Preparation(checkpoint.Options);
        var texts = new Dictionary<string, string>(Texts(checkpoint.File!).Where(t => t.Key != "format"), StringComparer.Ordinal)
        {
            ["model"] = checkpoint.Options.Model,
            ["image_size"] = preparation.Size.ToString(CultureInfo.InvariantCulture),
            ["crop_pct"] = preparation.CropPct.ToString("R", CultureInfo.InvariantCulture),
            ["mean"] = Numbers(preparation.Mean),
            ["std"] = Numbers(preparation.Std),
            ["interpolation"] = preparation.Interpolation,
            ["exif_orientation"] = preparation.Exif,
            ["preparation"] = $"decode to RGB, {ImageSetup.Describe(images.EvaluationTransform)}, divide by 255, "
                + "subtract mean, divide by std, channels first",
        };
        if (checkpoint.Classes is { } classes)
            texts["class_names"] = new JsonArray([.. classes.Names.Select(n => (JsonNode)n)]).ToJsonString();
        return texts;

        static string Numbers(IReadOnlyList<double> values) => new JsonArray([.. values.Select(v => (JsonNode)v)]).ToJsonString();
    }
}
