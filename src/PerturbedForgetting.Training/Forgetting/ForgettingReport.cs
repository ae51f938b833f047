using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Writes the tables and plots of a study into a folder.</summary>
/// <param name="folder">The folder.</param>
sealed class ForgettingReport(string folder)
{
    const string Measures = "forgetting.csv", Checkpoints = "checkpoints.csv", Classes = "classes.csv",
        CorrelationsName = "correlations.csv";

    /// <summary>Refuses a folder that cannot be written to.</summary>
    /// <exception cref="OptionException">It cannot.</exception>
    public void Require() => OutputFile.Require(ForgettingOptions.OutOption, Path.Combine(folder, Measures));

    /// <summary>Writes everything; tables of an earlier start are replaced.</summary>
    /// <param name="models">The models, with what was measured of them.</param>
    /// <param name="correlations">Over the runs; empty where there are too few.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void Write(IReadOnlyList<StudiedModel> models, IReadOnlyList<Correlation> correlations)
    {
        ForgettingTables.WriteMeasures(Path.Combine(folder, Measures), models);
        ForgettingTables.WriteCheckpoints(Path.Combine(folder, Checkpoints), models);
        ForgettingTables.WriteClasses(Path.Combine(folder, Classes), models);
        if (correlations.Count > 0)
            ForgettingTables.WriteCorrelations(Path.Combine(folder, CorrelationsName), correlations);
        else
            File.Delete(Path.Combine(folder, CorrelationsName));
        ForgettingPlots.Write(folder, models, correlations);
    }
}
