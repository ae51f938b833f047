using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Sharpness;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>The options of a reference trajectory, its own over the defaults of all.</summary>
sealed class CaseSettings(JsonElement own)
{
    static readonly JsonElement Defaults = ReferenceData.Json("manifest.json").GetProperty("optim").GetProperty("defaults");

    public string Opt => Value("opt").GetString()!;

    public int Accumulation => (int)Number("grad_accum_steps");

    /// <summary>The optimizer.</summary>
    public Optimizer Optimizer(ParameterArena arena) => OptimizerFactory.Create(Opt, arena, new OptimizerOptions
    {
        WeightDecay = Number("weight_decay"),
        Momentum = Number("momentum"),
        Betas = Value("opt_betas").ValueKind == JsonValueKind.Null ? null : [.. Value("opt_betas").EnumerateArray().Select(b => b.GetDouble())],
        Epsilon = Value("opt_eps").ValueKind == JsonValueKind.Null ? null : Number("opt_eps"),
    });

    public LinearSchedule Schedule(int updatesPerEpoch) =>
        new(Number("lr"), Number("min_lr"), Number("warmup_lr"), (int)Number("warmup_epochs"), (int)Number("epochs"), updatesPerEpoch);

    public RhoPolicy Rho(LinearSchedule schedule) => RhoPolicy.Create(Value("rho_policy").GetString()!, Number("rho"), Number("min_rho"), schedule);

    /// <param name="noise">Random directions.</param>
    /// <param name="atPerturbed">Called whenever the training loss is about to be computed.</param>
    public StepOptions Step(IPerturbationNoise? noise = null, Action? atPerturbed = null)
    {
        LossFunction loss = TrainingLoss();
        return new StepOptions((logits, labels) =>
        {
            atPerturbed?.Invoke();
            return loss(logits, labels);
        })
        {
            Perturbation = Perturbation(noise),
            AccumulationSteps = Accumulation,
            ClipNorm = Value("clip_grad").ValueKind == JsonValueKind.Null ? 0 : Number("clip_grad"),
            ShrinkFactor = Number("snp_factor"),
        };
    }

    PerturbationOptions? Perturbation(IPerturbationNoise? noise)
    {
        var (kind, _) = OptimizerFactory.Parse(Opt);
        if (kind == GradientKind.Plain)
            return null;
        double c = Number("obf_C"), gamma = Number("obf_gamma");
        return new PerturbationOptions
        {
            Loss = Value("perturb_loss").GetString() == "obf" ? (logits, labels) => Ops.OutputBiasForget(logits, labels, c, gamma) : TrainingLoss(),
            IsRandom = kind == GradientKind.Random,
            ChunkSize = (int)Number("sharpness_m"),
            Alpha = Number("gsam_alpha"),
            IsDirectionNormalized = Flag("backup_normalized"),
            IsAdaptive = Flag("adaptive_sam"),
            ScalesBeforeNorm = Flag("asam_before_norm"),
            ScalesAfterNorm = Flag("asam_after_norm"),
            Noise = noise ?? new PhiloxNoise(1),
        };
    }

    LossFunction TrainingLoss()
    {
        double smoothing = Number("smoothing");
        return Flag("bce_loss")
            ? (logits, labels) => Ops.BinaryCrossEntropy(logits, labels, smoothing)
            : (logits, labels) => Ops.CrossEntropy(logits, labels, smoothing);
    }

    JsonElement Value(string name) => own.TryGetProperty(name, out JsonElement value) ? value : Defaults.GetProperty(name);

    double Number(string name) => Value(name).GetDouble();

    bool Flag(string name) => Value(name).GetBoolean();
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
