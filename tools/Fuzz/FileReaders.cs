using System.Text;
using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Labels;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Fuzz;

/// <summary>A reader of files: each mutant is written to one of its own.</summary>
abstract class FileFuzzReader : FuzzReader
{
    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fuzz-");

    protected string Path => System.IO.Path.Combine(folder.FullName, "mutant");

    public sealed override long Read(byte[] mutant)
    {
        File.WriteAllBytes(Path, mutant);
        ReadFile();
        return 0;
    }

    public override void Dispose() => folder.Delete(recursive: true);

    protected abstract void ReadFile();
}

/// <summary>Opens safetensors, verifies them and reads every tensor.</summary>
sealed class SafetensorsFuzzReader : FileFuzzReader
{
    protected override void ReadFile()
    {
        try
        {
            using var file = SafetensorsFile.Open(Path);
            foreach (SafetensorsEntry entry in file.Names.Select(file.Entry))
            {
                entry.Read(new byte[entry.ByteLength]);
                if (entry.DType is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16)
                    entry.ReadFloat32(new float[entry.Count]);
            }
            if (file.HasChecksum)
                file.Verify();
        }
        catch (SafetensorsException)
        {
        }
    }
}

/// <summary>Opens weights of PyTorch and NumPy, reads every tensor, and gives them the names of a model.</summary>
sealed class WeightsFuzzReader : FileFuzzReader
{
    const int Largest = 1 << 20;

    // Not counted as memory that the file takes.
    readonly byte[] bytes = new byte[Largest];
    readonly float[] values = new float[Largest];

    protected override void ReadFile()
    {
        try
        {
            using var file = WeightsFile.Open(Path);
            foreach (WeightsEntry entry in file.Names.Select(file.Entry))
            {
                if (entry.ByteLength > Largest)
                    continue;
                entry.Read(bytes.AsSpan(0, (int)entry.ByteLength));
                if (entry.IsFloatingPoint)
                    entry.ReadFloat32(values.AsSpan(0, (int)entry.Count));
            }
            Pretrained.ClassesOf(file);
            if (file.HasChecksum)
                file.Verify();
        }
        catch (Exception e) when (e is WeightsException or PretrainedException)
        {
        }
    }
}

/// <summary>Reads training states, and uses them as a resumed run does.</summary>
sealed class StateFuzzReader : FuzzReader
{
    public override long Read(byte[] mutant)
    {
        try
        {
            TrainingState state = CheckpointJson.ParseState(Encoding.UTF8.GetString(mutant));
            EvalMetric.Top1.Best(state.Epochs);
            ResultsJson.Build([.. state.Epochs], EvalMetric.Loss);
            OptionsJson.Apply(new TrainOptions(), state.Info.Options.ToJsonString(), "state");
            _ = new ClassList(state.Info.Classes).Hash;
            ValidateOptions options = TrainedOptions.Complete(new ValidateOptions(), state.Info, null, "state").Options;
            _ = ImageSetup.Resolve(options, ModelRegistry.Find(options.Model).Config, useTestSize: true).EvaluationTransform;
        }
        catch (Exception e) when (e is JsonException or OptionException or DatasetException or ModelOptionException or CheckpointException)
        {
        }
        return 0;
    }
}

/// <summary>Reads labels and class maps.</summary>
sealed class CsvFuzzReader : FileFuzzReader
{
    readonly List<string> images = ["a.png", "b.png", "c.png", "sub/d.jpeg"];

    protected override void ReadFile()
    {
        ClassList? classes = null;
        try
        {
            classes = ClassMap.Read(Path);
        }
        catch (DatasetException)
        {
        }
        foreach (ClassList? known in (ClassList?[])[null, classes])
        {
            try
            {
                LabelsFile.Read(Path, "folder", images, known);
            }
            catch (DatasetException)
            {
            }
        }
    }
}

/// <summary>Reads files of options, and rewrites what they hold.</summary>
sealed class OptionsFuzzReader : FuzzReader
{
    public override long Read(byte[] mutant)
    {
        try
        {
            var options = new TrainOptions();
            OptionsJson.Apply(options, Encoding.UTF8.GetString(mutant), "mutant");
            OptionsJson.Apply(new TrainOptions(), OptionsJson.Write(options), "rewritten");
        }
        catch (OptionException)
        {
        }
        return 0;
    }
}
