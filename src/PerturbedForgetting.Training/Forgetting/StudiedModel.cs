using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>A model of the study and what was measured of it.</summary>
/// <param name="Run">Name of its run: the folder that the checkpoint lies in.</param>
/// <param name="Path">The checkpoint.</param>
/// <param name="Epoch">Epochs it was trained; null where nothing tells.</param>
/// <param name="Recorded">What its run measured over all images that it validates on; null likewise.</param>
/// <param name="Classes">Names of the classes.</param>
sealed record StudiedModel(string Run, string Path, int? Epoch, EvaluationMetrics? Recorded, IReadOnlyList<string> Classes)
{
    /// <summary>Results by perturbation, in the order of the grid; those that are there.</summary>
    public List<(PerturbationCase Case, CellResult Result)> Cells { get; } = [];

    /// <summary>Largest eigenvalue of the Hessian of the training loss; null where it was not asked for.</summary>
    public EigenvalueResult? TopEigenvalue { get; set; }

    /// <summary>Name of the checkpoint.</summary>
    public string Checkpoint => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>For example <c>vanilla-1, last</c>.</summary>
    public override string ToString() => $"{Run}, {Checkpoint}";

    /// <summary>The result of a perturbation; null where there is none.</summary>
    public CellResult? Find(PerturbationCase perturbation) =>
        Cells.Where(c => c.Case == perturbation).Select(static c => c.Result).FirstOrDefault();
}
