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
    public const string Extension = ".safetensors", StateExtension = ".state" + Extension, NewExtension = ".new" + Extension;
    /// <summary>Key of what a model file says about itself.</summary>
    public const string InfoKey = "pf_model";

    const string StateKey = "pf_state", ModelChecksumKey = "pf_model_sha256";

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
    public static void Save(string path, TrainingState state, Action<SafetensorsWriter> addModel, Action<SafetensorsWriter> addState) =>
        Save(path, fresh =>
        {
            var model = new SafetensorsWriter([new("format", "pt"),
                new(InfoKey, JsonSerializer.Serialize(state.Info, CheckpointJson.Default.ModelInfo))]);
            addModel(model);
            model.Save(fresh);
        }, (fresh, target) =>
        {
            string checksum;
            using (var written = SafetensorsFile.Open(fresh))
                checksum = written.Metadata[SafetensorsFile.ChecksumKey];
            var training = new SafetensorsWriter([
                new(StateKey, JsonSerializer.Serialize(state, CheckpointJson.Default.TrainingState)),
                new(ModelChecksumKey, checksum)]);
            addState(training);
            training.Save(target);
        });

    /// <summary>Writes the same checkpoint under another name.</summary>
    /// <param name="path">Of its model file; the checkpoint is settled.</param>
    /// <param name="target">Of the copy's model file.</param>
    /// <exception cref="IOException">A file cannot be read or written; an older checkpoint of the copy's name is intact.</exception>
    public static void Copy(string path, string target) =>
        Save(target, fresh => CopyFile(ModelPath(path), fresh), (_, state) => CopyFile(StatePath(path), state));

    static void Save(string path, Action<string> writeModel, Action<string, string> writeState)
    {
        string fresh = Stem(path) + NewExtension;
        try
        {
            writeModel(fresh);
            writeState(fresh, StatePath(path));
        }
        catch
        {
            // No state names it, so it is only in the way; if it cannot be removed, the next save replaces it.
            try { File.Delete(fresh); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
            throw;
        }
        AtomicFile.Rename(fresh, ModelPath(path));
    }

    static void CopyFile(string source, string target)
    {
        using var stream = File.OpenRead(source);
        AtomicFile.Write(target, stream.CopyTo);
    }

    /// <summary>Finishes what a kill interrupted: the new model takes its place if the state names it, and goes if not. Where the state
    /// is damaged everything stays as it is.</summary>
    /// <param name="path">Of any file of the checkpoint.</param>
    public static void Settle(string path)
    {
        string fresh = Stem(path) + NewExtension;
        if (!File.Exists(fresh))
            return;
        if (!File.Exists(StatePath(path)))
        {
            AtomicFile.Delete(fresh);
            return;
        }
        bool isNamed;
        try
        {
            using SafetensorsFile state = SafetensorsFile.Open(StatePath(path)), model = SafetensorsFile.Open(fresh);
            state.Verify();
            isNamed = ChecksumOfModel(state) == model.Metadata.GetValueOrDefault(SafetensorsFile.ChecksumKey);
        }
        catch (Exception e) when (e is SafetensorsException or CheckpointException)
        {
            return;
        }
        if (isNamed)
            AtomicFile.Rename(fresh, ModelPath(path));
        else
            AtomicFile.Delete(fresh);
    }

    /// <summary>Removes a checkpoint.</summary>
    public static void Delete(string path)
    {
        // The state first: a model without a state is still a model, a state without a model is an error.
        AtomicFile.Delete(StatePath(path));
        AtomicFile.Delete(Stem(path) + NewExtension);
        AtomicFile.Delete(ModelPath(path));
    }

    /// <summary>Reads the position of a run from a checkpoint, without its tensors and without verifying them.</summary>
    /// <exception cref="CheckpointException">The state is malformed.</exception>
    /// <exception cref="SafetensorsException">The file is malformed.</exception>
    public static TrainingState Peek(string path)
    {
        using var file = SafetensorsFile.Open(StatePath(path));
        return ReadState(file);
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
        RequireOwn(path);
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

    /// <summary>Opens a model file, verified where it has checksums; of one that is not ours, only the tensors are known.</summary>
    /// <param name="path">Of the model or its state, in any format of <see cref="WeightsFile"/>; the extension of ours may be left
    /// out.</param>
    /// <param name="key">Entry of a PyTorch checkpoint that holds the weights; null looks for them.</param>
    /// <exception cref="CheckpointException">There is no such file, or what it says about itself is malformed.</exception>
    /// <exception cref="WeightsException">The file is malformed or damaged.</exception>
    public static (WeightsFile File, ModelInfo? Info) OpenModel(string path, string? key = null)
    {
        string given = File.Exists(path) ? path : ModelPath(path);
        if (!File.Exists(given))
            throw new CheckpointException(path, "there is no such file.");
        if (given.EndsWith(StateExtension, StringComparison.Ordinal))
            given = ModelPath(given);
        var file = WeightsFile.Open(given, key);
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

    /// <summary>Refuses to continue from a file of another program.</summary>
    static void RequireOwn(string path)
    {
        if (File.Exists(path) && !path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            throw new CheckpointException(path, "it is no checkpoint of this program, so training cannot continue from it. "
                + $"Use {TrainOptions.PretrainedPathOption} to start a new run from its weights.");
    }

    static SafetensorsFile OpenModelOf(string path, SafetensorsFile state)
    {
        string checksum = ChecksumOfModel(state);
        SafetensorsException? damage = null;
        foreach (string candidate in (ReadOnlySpan<string>)[ModelPath(path), Stem(path) + NewExtension])
        {
            if (!File.Exists(candidate))
                continue;
            SafetensorsFile? file = null;
            try
            {
                file = SafetensorsFile.Open(candidate);
                if (file.Metadata.GetValueOrDefault(SafetensorsFile.ChecksumKey) == checksum)
                {
                    file.Verify();
                    return file;
                }
                file.Dispose();
            }
            catch (SafetensorsException e)
            {
                file?.Dispose();
                damage ??= e;
            }
        }
        if (damage is not null)
            throw damage;
        throw new CheckpointException(ModelPath(path),
            $"the model that '{Path.GetFileName(state.Path)}' belongs to is missing; the file there is of another step, or was replaced. "
            + "Use another checkpoint.");
    }

    static string ChecksumOfModel(SafetensorsFile state) => state.Metadata.TryGetValue(ModelChecksumKey, out string? checksum)
        ? checksum
        : throw new CheckpointException(state.Path, "it does not name its model.");

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
