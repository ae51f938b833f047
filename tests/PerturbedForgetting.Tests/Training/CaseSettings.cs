using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What the options of a reference trajectory, its own over the defaults of all, make of a step.</summary>
sealed class CaseSettings
{
    static readonly JsonElement Defaults = ReferenceData.Json("manifest.json").GetProperty("optim").GetProperty("defaults");

    public CaseSettings(JsonElement own)
    {
        OptionsJson.Apply(Options, Defaults.GetRawText(), "defaults of the reference");
        OptionsJson.Apply(Options, own.GetRawText(), "options of the case");
    }

    public TrainOptions Options { get; } = new();

    /// <param name="noise">Random directions.</param>
    /// <param name="atPerturbed">Called whenever the training loss is about to be computed.</param>
    public StepOptions Step(IPerturbationNoise noise, Action atPerturbed)
    {
        var step = StepSetup.Step(Options, UpdateWindow.PerEpoch(TinyModels.Batches, Options.GradAccumSteps));
        var loss = step.Loss;
        return step with
        {
            Loss = (logits, labels) =>
            {
                atPerturbed();
                return loss(logits, labels);
            },
            // A loss of its own, because the training loss is listened to.
            Perturbation = step.Perturbation is { } perturbation
                ? perturbation with { Loss = perturbation.Loss ?? loss, Noise = noise }
                : null,
        };
    }
}

/// <summary>The stored random directions of a case, in place of drawn ones.</summary>
sealed class StoredNoise(string id) : IPerturbationNoise
{
    public void Fill(MultiTensorLayout layout, Tensor buffer, Tensor first, int offset)
    {
        int call = (int)first.Item() + offset;
        foreach (var segment in layout.Arena.Segments)
        {
            var all = ReferenceData.Float32("optim.safetensors", $"{id}/noise/{segment.Name}");
            int length = (int)segment.Count;
            var one = new ReferenceTensor<float>(all.Data[(call * length)..((call + 1) * length)], all.Shape[1..]);
            TinyModels.Write(ParameterArena.Slice(buffer, segment), TinyModels.ToOwnLayout(one, segment.Parameter.Layout));
        }
    }
}
