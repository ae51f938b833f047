namespace PerturbedForgetting.Training.Logs;

/// <summary>How a run's event files go to Weights &amp; Biases: by its own program, which sends event files of TensorBoard.</summary>
static class WandbSync
{
    /// <summary>Project that the reference logs to.</summary>
    const string Project = "perturbed-forgetting";

    /// <summary>What such a name may not have.</summary>
    const string Forbidden = "/\\#?%:";

    /// <summary>The command that sends the run of a folder under the folder's name.</summary>
    public static string Command(string folder)
    {
        string id = string.Concat(Path.GetFileName(folder).Select(static c => Forbidden.Contains(c) || c <= ' ' ? '-' : c));
        return $"wandb sync --sync-tensorboard --project {Project} --id \"{id}\" \"{folder}\"";
    }
}
