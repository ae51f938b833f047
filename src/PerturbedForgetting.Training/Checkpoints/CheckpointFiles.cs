using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>
/// A checkpoint is two safetensors files: <c>NAME.safetensors</c> holds the model alone, with the names and layouts of PyTorch, for
/// any reader of the format; <c>NAME.state.safetensors</c> holds what training needs besides. The state names the checksum of its
/// model. Writing goes: model to <c>NAME.new.safetensors</c>, then the state over the old one, which is the moment at which the
/// checkpoint changes, then the model over the old one. A reader takes whichever model the state names, so that no interruption
/// pairs files of different steps.
/// </summary>
static class CheckpointFiles
{
    public const string Extension = ".safetensors";
    const string StateExtension = ".state" + Extension, NewExtension = ".new" + Extension;
    const string InfoKey = "pf_model", StateKey = "pf_state", ModelChecksumKey = "pf_model_sha256";

    /// <summary>The model file of a checkpoint, from the path of either file or without an extension.</summary>
    public static string ModelPath(string path) => Stem(path) + Extension;

    /// <summary>The state file of a checkpoint.</summary>
    public static string StatePath(string path) => Stem(path) + StateExtension;

    /// <summary>Writes a checkpoint; an older one of the same name stays valid until this one is complete.</summary>
    /// <param name="path">Of the model file.</param>
    /// <param name="state">Position of the run.</param>
    /// <param name="addModel">Adds the model's tensors.</param>
    /// <param name="addState">Adds the tensors of the training state.</param>
    /// <exception cref="IOException">A file cannot be written; the old checkpoint is intact.</exception>
    public static void Save(string path, TrainingState state, Action<SafetensorsWriter> addModel, Action<SafetensorsWriter> addState)
    {
        string fresh = Stem(path) + NewExtension;
        try
        {
            var model = new SafetensorsWriter([new("format", "pt"),
                new(InfoKey, JsonSerializer.Serialize(state.Info, CheckpointJson.Default.ModelInfo))]);
            addModel(model);
            model.Save(fresh);
            string checksum;
            using (var written = SafetensorsFile.Open(fresh))
                checksum = written.Metadata[SafetensorsFile.ChecksumKey];
            var training = new SafetensorsWriter([
                new(StateKey, JsonSerializer.Serialize(state, CheckpointJson.Default.TrainingState)),
                new(ModelChecksumKey, checksum)]);
            addState(training);
            training.Save(StatePath(path));
        }
        catch
        {
            // No state names it, so it is only in the way; if it cannot be removed, the next save replaces it.
            try { File.Delete(fresh); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
            throw;
        }
        File.Move(fresh, ModelPath(path), overwrite: true);
    }

    /// <summary>Removes a checkpoint.</summary>
    public static void Delete(string path)
    {
        // The state first: a model without a state is still a model, a state without a model is an error.
        File.Delete(StatePath(path));
        File.Delete(Stem(path) + NewExtension);
        File.Delete(ModelPath(path));
    }

    /// <summary>Reads the position of a run without its tensors.</summary>
    /// <exception cref="CheckpointException">The state is malformed.</exception>
    /// <exception cref="SafetensorsException">The file is malformed.</exception>
    public static TrainingState ReadState(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(StateKey, out string? text))
            throw new CheckpointException(file.Path, "it is a safetensors file, but holds no training state of this program.");
        try
        {
            return CheckpointJson.ParseState(text);
        }
        catch (JsonException e)
        {
            throw new CheckpointException(file.Path, $"its training state cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Opens both files of a checkpoint and verifies length and checksum of each.</summary>
    /// <exception cref="CheckpointException">A file is missing or the two do not belong together.</exception>
    /// <exception cref="SafetensorsException">A file is malformed or damaged.</exception>
    public static ResumableCheckpoint OpenForResume(string path)
    {
        PickleRefusal.Check(path);
        string statePath = StatePath(path);
        if (!File.Exists(statePath))
            throw new CheckpointException(statePath, File.Exists(ModelPath(path))
                ? $"there is no training state beside the model '{Path.GetFileName(ModelPath(path))}', "
                    + "so training cannot continue from it. "
                    + $"Use {TrainOptions.PretrainedOption} {TrainOptions.PretrainedPathOption} to start a new run from its weights."
                : "there is no such checkpoint.");
        var file = SafetensorsFile.Open(statePath);
        try
        {
            file.Verify();
            var state = ReadState(file);
            return new ResumableCheckpoint(ModelPath(path), OpenModelOf(path, file), file, state);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a model file: one of ours is verified; of any other, only the tensors are known.</summary>
    /// <exception cref="CheckpointException">There is no such file, it is a pickle, or what it says about itself is malformed.</exception>
    /// <exception cref="SafetensorsException">The file is malformed or damaged.</exception>
    public static (SafetensorsFile File, ModelInfo? Info) OpenModel(string path)
    {
        PickleRefusal.Check(path);
        string given = File.Exists(path) ? path : ModelPath(path);
        if (!File.Exists(given))
            throw new CheckpointException(path, "there is no such file.");
        if (given.EndsWith(StateExtension, StringComparison.Ordinal))
            given = ModelPath(given);
        var file = SafetensorsFile.Open(given);
        try
        {
            if (file.HasChecksum)
                file.Verify();
            return (file, file.Metadata.TryGetValue(InfoKey, out string? text) ? CheckpointJson.ParseInfo(text) : null);
        }
        catch (JsonException e)
        {
            file.Dispose();
            throw new CheckpointException(given, $"its description cannot be read: {e.Message}", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    static SafetensorsFile OpenModelOf(string path, SafetensorsFile state)
    {
        if (!state.Metadata.TryGetValue(ModelChecksumKey, out string? checksum))
            throw new CheckpointException(state.Path, "it does not name its model.");
        foreach (string candidate in (ReadOnlySpan<string>)[ModelPath(path), Stem(path) + NewExtension])
        {
            if (!File.Exists(candidate))
                continue;
            var file = SafetensorsFile.Open(candidate);
            try
            {
                if (file.Metadata.TryGetValue(SafetensorsFile.ChecksumKey, out string? own) && own == checksum)
                {
                    file.Verify();
                    return file;
                }
                file.Dispose();
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        throw new CheckpointException(ModelPath(path),
            $"the model that '{Path.GetFileName(state.Path)}' belongs to is missing; the file there is of another step, or was replaced. "
            + "Use another checkpoint.");
    }

    static string Stem(string path)
    {
        foreach (string extension in (ReadOnlySpan<string>)[StateExtension, NewExtension, Extension])
            if (path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
                return path[..^extension.Length];
        return path;
    }
}

/// <summary>Both files of a checkpoint, open and verified.</summary>
/// <param name="Path">Of the model file.</param>
/// <param name="Model">The model's tensors.</param>
/// <param name="StateTensors">The tensors of the training state.</param>
/// <param name="State">Position of the run.</param>
sealed record ResumableCheckpoint(string Path, SafetensorsFile Model, SafetensorsFile StateTensors, TrainingState State) : IDisposable
{
    public void Dispose()
    {
        Model.Dispose();
        StateTensors.Dispose();
    }
}
