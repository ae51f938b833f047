using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>
/// A perturbation of radius 0 changes nothing: weights, running statistics and optimizer state are those of the optimizer beneath, bit for
/// bit. So the perturbed weights are the weights, restoring them loses nothing, and the first pass leaves no trace in the second. (The
/// counter of batch norm alone grows by two a step, as in the reference.)
/// </summary>
[TestFixture]
sealed class ZeroRadiusTests
{
    static IEnumerable<TinySettings> Runs()
    {
        PerturbationOptions[] perturbations =
        [
            new(),
            new() { Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1) },
            new() { IsAdaptive = true, ScalesBeforeNorm = true },
            new() { IsAdaptive = true, ScalesAfterNorm = true },
            new() { IsAdaptive = true, ScalesBeforeNorm = true, ScalesAfterNorm = true },
        ];
        foreach (var name in OptimizerName.All.Where(static n => n.Perturbation != PerturbationKind.None))
        {
            foreach (string model in (string[])["mlp", "conv"])
            {
                for (int i = 0; i < perturbations.Length; i++)
                    yield return new($"{name}, {model}, perturbation {i}", name.ToString())
                    {
                        Model = model,
                        Perturbation = perturbations[i],
                        Clip = 0.5,
                        Shrink = 0.01,
                        Rho = static _ => RhoPolicy.Constant(0),
                    };
            }
        }
    }

    [TestCaseSource(nameof(Runs))]
    public void TheUpdatesAreThoseOfTheOptimizerBeneath(TinySettings settings)
    {
        var beneath = OptimizerName.Parse(settings.Opt) with { Perturbation = PerturbationKind.None };
        using var perturbed = new TinyRun(settings);
        using var plain = new TinyRun(settings with { Opt = beneath.ToString() });
        perturbed.Step.Diagnostics = settings.Perturbation.IsAdaptive;
        perturbed.Train(2 * TinyModels.Batches);
        plain.Train(2 * TinyModels.Batches);
        foreach (var (actual, expected) in State(perturbed).Zip(State(plain)))
            Assert.That(actual.Bits, Is.EqualTo(expected.Bits), actual.Name);
    }

    static IEnumerable<(string Name, int[] Bits)> State(TinyRun run) =>
        run.Tiny.Model.State().Select(static e => (e.Name, e.Tensor)).Concat(run.Step.Optimizer.State())
            .Where(static e => e.Tensor.DType == DType.Float32)
            .Select(static e => (e.Name, Array.ConvertAll(e.Tensor.ToArray<float>(), BitConverter.SingleToInt32Bits)));
}
