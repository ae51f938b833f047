using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Options of the command line as those of a model.</summary>
static class ModelSettings
{
    /// <summary>What training and evaluation have in common.</summary>
    public static ModelOptions From(RunOptions options, int numClasses) => new()
    {
        NumClasses = numClasses,
        ImageSize = options.ImgSize,
        GlobalPool = options.Gp,
        BnEps = options.BnEps,
        Kwargs = options.ModelKwargs.ToDictionary(p => p.Key, p => PythonLiteral.Format(p.Value)),
    };
}
