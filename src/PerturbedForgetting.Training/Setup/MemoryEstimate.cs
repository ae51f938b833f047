using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>
/// The least memory that a run takes: what is certainly live at once, with no allowance for what an allocator rounds up. A system that is
/// out of memory kills without a word, so that a run which cannot fit is refused before it starts.
/// </summary>
/// <param name="Weights">Bytes of the weights, their gradients, the perturbed weights and the optimiser's state.</param>
/// <param name="Activations">Bytes that a pass keeps for its backward pass, with the batches that were read.</param>
/// <param name="Images">Images of a pass.</param>
sealed record MemoryEstimate(double Weights, double Activations, int Images)
{
    // The runtime, the compiled code and the libraries.
    const double Program = 100 << 20;

    // Pixels, then normalised ones.
    const int BytesOfAPixel = 3 * (sizeof(byte) + sizeof(float));

    // Logits, probabilities, and their gradient.
    const int BytesOfALogit = 3 * sizeof(float);

    /// <summary>All of it.</summary>
    public double Total => Weights + Activations + Program;

    /// <summary>Of training, both passes of a perturbation included.</summary>
    /// <exception cref="OptionException">Not even the weights fit.</exception>
    public static MemoryEstimate OfTraining(TrainOptions options, int numClasses, int validationImages)
    {
        (long parameters, long saved, long pixels) = Count(options, numClasses, trains: true);
        // An update that is not perturbed takes the batch in one.
        bool isInGroups = options is { SharpnessM: > 0, SamFrom: 0, SamUntil: null, SamEvery: 1 } && options.Opt.Perturbs;
        int images = isInGroups ? options.SharpnessM : options.BatchSize;
        int evaluated = Math.Min(options.ValidationBatchSize ?? options.BatchSize, validationImages);
        return new(
            sizeof(float) * (double)parameters * Arenas(options),
            ((double)images * (saved + ((long)numClasses * BytesOfALogit)))
                + ((double)(options.BatchSize + evaluated) * pixels * BytesOfAPixel),
            images);
    }

    /// <summary>Of an evaluation, which keeps nothing between layers.</summary>
    /// <exception cref="OptionException">Not even the weights fit.</exception>
    public static MemoryEstimate OfEvaluation(RunOptions options, int numClasses, int imagesOfTheSet)
    {
        (long parameters, _, long pixels) = Count(options, numClasses, trains: false);
        int images = Math.Min(options.BatchSize, imagesOfTheSet);
        double image = ((double)pixels * BytesOfAPixel) + ((double)numClasses * BytesOfALogit);
        return new(sizeof(float) * (double)parameters, images * image, images);
    }

    /// <summary>Of products with a Hessian, whose vectors each are as large as the model, and which keep the activations of a gradient
    /// once more for each vector that is multiplied in one pass.</summary>
    /// <exception cref="OptionException">Not even the weights fit.</exception>
    public static MemoryEstimate OfHessian(RunOptions options, int numClasses, int imagesOfTheSet, int vectors, int block)
    {
        (long parameters, long saved, long pixels) = Count(options, numClasses, trains: true);
        int images = Math.Min(options.BatchSize, imagesOfTheSet);
        // Weights, gradients, and the vectors.
        return new(sizeof(float) * (double)parameters * (2 + vectors),
            (double)images * (((1 + block) * saved) + (pixels * BytesOfAPixel)), images);
    }

    /// <summary>Refuses a run that does not fit.</summary>
    /// <exception cref="OptionException">It does not; the message says what takes the memory and which options help.</exception>
    public void Require(HostMemory memory, RunOptions options)
    {
        if (Total <= memory.Bytes)
            return;
        bool isOfWeights = Weights > Activations;
        OptionSpec blamed = isOfWeights ? RunOptions.ModelOption : RunOptions.BatchSizeOption;
        throw new OptionException(new OptionProblem(blamed.Flag,
            $"the run takes at least {Gibibytes(Total)}, and {memory.Origin} is {Gibibytes(memory.Bytes)}: "
            + $"{Gibibytes(Weights)} for weights{OfWeights(options)}, "
            + $"{Gibibytes(Activations)} for {Quantity.Of(Images, "image")} at once. {Advice(options, isOfWeights)}"));
    }

    static string OfWeights(RunOptions options) => options switch
    {
        TrainOptions => ", gradients and the optimiser",
        HessianOptions => ", gradients and vectors of their size",
        _ => "",
    };

    static string Advice(RunOptions options, bool isOfWeights) =>
        options is HessianOptions
            ? isOfWeights
                ? $"Use a smaller {HessianOptions.BasisOption}, {HessianOptions.DensityStepsOption} or {HessianOptions.BlockOption}."
                : $"Use a smaller {RunOptions.BatchSizeOption} or {HessianOptions.BlockOption}."
        : isOfWeights
            ? $"Use a smaller {RunOptions.ModelOption}, {RunOptions.NumClassesOption}, {RunOptions.ImgSizeOption} or "
                + $"{RunOptions.ModelKwargsOption}."
            : $"Use a smaller {RunOptions.BatchSizeOption}"
                + (options is TrainOptions
                    ? $" with a larger {TrainOptions.GradAccumStepsOption}, a smaller {TrainOptions.SharpnessMOption} with sam_*"
                    : "")
                + $", a smaller {RunOptions.ImgSizeOption}, or a smaller {RunOptions.ModelOption}.";

    /// <summary>Buffers as long as all parameters together.</summary>
    static int Arenas(TrainOptions options)
    {
        int state = options.Opt.IsAdam ? 2 : options.Momentum > 0 ? 1 : 0;
        bool isInParts = options.GradAccumSteps > 1 || (options.SharpnessM > 0 && options.SharpnessM < options.BatchSize);
        int perturbation = options.Opt.Perturbs ? 1 + (isInParts ? 2 : 0) + (options.GsamAlpha != 0 ? 1 : 0) + Extra(options) : 0;
        return 2 + state + perturbation + (options.SnpFactor > 0 ? 1 : 0);
    }

    /// <summary>Buffers that perturbations take beyond those of SAM.</summary>
    static int Extra(TrainOptions options)
    {
        var perturbation = Losses.Perturbation(options, updatesPerEpoch: 1)!;
        return DirectionTable.Of(perturbation.Kind).Buffers + (perturbation.Steps > 1 ? 2 : 0) + (perturbation.HasOwnScaling ? 3 : 0)
            + (perturbation.LookAlpha != 0 ? 4 : perturbation.Weight != 1 ? 1 : 0);
    }

    /// <summary>Parameters, bytes that a training pass keeps of an image, and its pixels: of a model whose weights nobody writes, so that
    /// they take addresses and no memory.</summary>
    static (long Parameters, long Saved, long Pixels) Count(RunOptions options, int numClasses, bool trains)
    {
        ImageModel model;
        using (Initialization.Begin(0, Device.Cpu))
        using (Initialization.BeginUndefined())
        {
            try
            {
                model = ModelRegistry.Create(options.Model, ModelSettings.From(options, numClasses));
            }
            catch (OutOfMemoryException e)
            {
                throw new OptionException(new OptionProblem(RunOptions.ModelOption.Flag,
                    $"not even its weights fit into memory. {Advice(options, isOfWeights: true)} ({e.Message})"));
            }
        }
        try
        {
            return (model.NamedParameters().Sum(p => p.Parameter.Count), trains ? ModelSummary.SavedBytes(model) : 0,
                (long)model.ImageHeight * model.ImageWidth);
        }
        finally
        {
            foreach (StateEntry entry in model.State())
                entry.Tensor.Dispose();
            Device.Cpu.Trim();
        }
    }

    static string Gibibytes(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.0} GiB");
}
