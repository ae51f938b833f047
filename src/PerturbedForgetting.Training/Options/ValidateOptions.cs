namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>validate</c>, with the defaults of the reference.</summary>
public sealed record ValidateOptions : RunOptions
{
    /// <summary>Creates the defaults.</summary>
    public ValidateOptions()
    {
        BatchSize = 256;
    }

    /// <summary>Name of the split: a sub-folder of the data folder, or the split of a named data set.</summary>
    public string Split { get; set; } = "validation";

    /// <summary>Checkpoint to evaluate; empty evaluates freshly initialised weights, with a warning.</summary>
    public string Checkpoint { get; set; } = "";

    /// <summary>Evaluate at the training image size in place of the model's larger test size.</summary>
    public bool UseTrainSize { get; set; }

    /// <summary>Batches between two progress lines.</summary>
    public int LogFreq { get; set; } = 10;

    /// <summary>Number of GPUs; only 1 is accepted.</summary>
    public int NumGpu { get; set; } = 1;

    /// <summary>Largest Hessian eigenvalue in place of accuracy; not available yet, so true is refused.</summary>
    public bool ValidateHessian { get; set; }

    /// <summary>Most iterations of the eigenvalue search.</summary>
    public int SharpnessIters { get; set; } = 100;

    /// <summary>Relative change of the eigenvalue at which the search ends.</summary>
    public double SharpnessTol { get; set; } = 1e-4;

    /// <summary>Everything that is wrong with these options, all at once; empty when they can be used.</summary>
    public IReadOnlyList<OptionProblem> Validate() => OptionRules.Check(this);
}
