using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>A model whose weights are perturbed and put back, and what it says of images. Beside the weights it keeps two buffers of
/// their size, gradients and perturbed weights; with several steps two more, and with η or ASAM of some parameters three.</summary>
sealed class PerturbedModel : IDisposable
{
    readonly ImageModel model;
    readonly LossFunction loss;
    readonly ParameterArena arena;
    readonly MultiTensorLayout layout;
    readonly StepNumbers numbers;
    readonly Tensor sums;
    readonly ulong seed;
    LossFunction objective;
    // Kept from one length to the next.
    (bool IsRandom, PerturbationForm Form, Perturbation Perturbation)? made;

    /// <param name="model">The model; its parameters move into an arena, which goes with this.</param>
    /// <param name="loss">The training loss, a mean over a batch.</param>
    /// <param name="usesBatchStatistics">Whether batch norm divides by what the batch at hand has, as in training; running statistics stay
    /// as they are either way.</param>
    /// <param name="seed">Of random directions.</param>
    public PerturbedModel(ImageModel model, LossFunction loss, bool usesBatchStatistics, ulong seed)
    {
        (this.model, this.loss, objective, this.seed) = (model, loss, loss, seed);
        model.Train(usesBatchStatistics);
        arena = new ParameterArena(model);
        layout = new MultiTensorLayout(arena);
        var device = arena.Weights.Device;
        numbers = new StepNumbers(device, dropoutStreams: 0);
        sums = Tensor.Persistent([2], DType.Float64, device);
        MultiTensorOps.SquaredNorm(layout, arena.Weights, Weighting.None, numbers.PerturbationSquaredNorm);
        WeightNorm = Math.Sqrt(numbers.PerturbationSquaredNorm.Item());
    }

    /// <summary>L2 norm of the weights.</summary>
    public double WeightNorm { get; }

    /// <summary>Perturbs the weights, and measures at the perturbed ones.</summary>
    /// <param name="perturbation">Which perturbation.</param>
    /// <param name="images">Images it is made from.</param>
    /// <param name="labels">Their labels.</param>
    /// <param name="number">Number of the perturbation: random directions differ by it.</param>
    /// <param name="measure">Measures while the model has the perturbed weights.</param>
    /// <returns>L2 norm of what was added to the weights.</returns>
    public double Perturb(PerturbationCase perturbation, Tensor images, Tensor labels, int number, Action measure)
    {
        objective = Objective(perturbation);
        numbers.Begin(new(perturbation.Rho, ShrinkFactor: 0, KeepsAverages: true, NoiseCalls: number, perturbation.Form.Steps), [],
            opensWindow: true);
        var maker = Make(perturbation.Kind == StudiedPerturbation.Random, perturbation.Form);
        using (BatchNormStatistics.Hold())
            maker.Make(images, labels, chunk: 0, arena.Gradients);
        using (maker.View())
            measure();
        maker.Measure();
        return maker.Norm();
    }

    /// <summary>What the model, with the weights that it has now, says of some batches.</summary>
    /// <param name="batches">Images and labels, each batch valid until the next is asked for.</param>
    /// <param name="count">Images in all.</param>
    /// <param name="saw">Hears how many images went through the model, batch by batch.</param>
    /// <param name="token">Ends it between two batches.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public ModelOutputs Evaluate(IEnumerable<(Tensor Images, Tensor Labels)> batches, int count, Action<int> saw, CancellationToken token)
    {
        var logits = new float[checked(count * model.NumClasses)];
        var answers = new int[count];
        var (last, sum) = (sums.Rows(0, 1), sums.Rows(1, 1));
        sums.Fill(0);
        int done = 0;
        using var held = BatchNormStatistics.Hold();
        foreach (var (images, labels) in batches)
        {
            token.ThrowIfCancellationRequested();
            using var noGradients = GradMode.NoGrad();
            using var scope = Scope.Begin();
            var output = model.Call(images);
            MultiTensorOps.Record(loss(output, labels), images.Shape[0], last, sum);
            output.ToArray<float>().CopyTo(logits.AsSpan(done * model.NumClasses));
            labels.ToArray<int>().CopyTo(answers.AsSpan(done));
            done += images.Shape[0];
            saw(images.Shape[0]);
        }
        return new(logits, answers, sum.Item() / done);
    }

    /// <summary>The eigenvalue of the largest magnitude of the Hessian of the training loss, in evaluation mode; takes
    /// <see cref="LanczosVectors"/> more buffers of the size of the weights, and half of the memory that is free then for what its products
    /// have in common.</summary>
    /// <param name="images">What the loss is a mean over.</param>
    /// <param name="saw">Hears how many images went through the model, pass by pass.</param>
    /// <param name="token">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A product with the Hessian is not finite.</exception>
    public EigenvalueEstimate TopEigenvalue(ILossBatches images, Action<int> saw, CancellationToken token)
    {
        using var space = new VectorSpace(layout);
        var device = arena.Weights.Device;
        // Half of what is free, beside the vectors; the software GPU's memory is the machine's.
        long free = Math.Min(device.FreeMemory ?? long.MaxValue, HostMemory.Free());
        long vectors = LanczosVectors * (long)arena.Weights.Count * sizeof(float);
        using var tapes = new KeptTapes(device, (free - vectors) / 2.0);
        var search = new BlockLanczos(new LossHessian(model, layout, loss, images, blockSize: 1) { Tapes = tapes }, space, new(Count: 1,
            EigenvaluesWanted.Magnitude, EigenvalueTolerance, EigenvaluePasses, BlockSize: 1, LanczosVectors, EigenvalueSeed));
        return search.Run(_ => saw((int)images.Images), token).Estimates[0];
    }

    /// <summary>Residual at which an eigenvalue counts as found, as a part of it.</summary>
    const double EigenvalueTolerance = 1e-3;

    const int EigenvaluePasses = 100, LanczosVectors = 12;

    const ulong EigenvalueSeed = 42;

    /// <summary>Frees the weights and all buffers.</summary>
    public void Dispose()
    {
        made?.Perturbation.Dispose();
        sums.Dispose();
        numbers.Dispose();
        layout.Dispose();
        arena.Dispose();
    }

    /// <summary>What moves the weights; one at a time, because its buffers are as large as they are.</summary>
    Perturbation Make(bool isRandom, PerturbationForm form)
    {
        if (made is var (wasRandom, last, known) && (wasRandom, last) == (isRandom, form))
            return known;
        made?.Perturbation.Dispose();
        made = null;
        var options = isRandom
            ? new PerturbationOptions { IsRandom = true, Noise = new PhiloxNoise(seed) }
            : new PerturbationOptions { Loss = (logits, labels) => objective(logits, labels) };
        var perturbation = new Perturbation(model, layout, form.Of(options), loss, numbers);
        made = (isRandom, form, perturbation);
        return perturbation;
    }

    LossFunction Objective(PerturbationCase perturbation)
    {
        if (!StudiedPerturbations.IsOutputBias(perturbation.Kind))
            return loss;
        var (c, gamma, isSigmoid) = (perturbation.C!.Value, perturbation.Gamma!.Value, perturbation.Kind == StudiedPerturbation.Obf);
        return (logits, labels) => Ops.OutputBiasForget(logits, labels, c, gamma, isSigmoid);
    }
}
