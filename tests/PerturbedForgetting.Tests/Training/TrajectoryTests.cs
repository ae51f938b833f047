using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Every stored training trajectory: weights, buffers, optimizer state, gradients, perturbations, losses and norms.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class TrajectoryTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TestCaseData> Cases() => ReferenceData.Cases("optim").Select(c => new TestCaseData(c).SetArgDisplayNames(c.Id));

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c)
    {
        foreach (DType type in TestDevices.FloatTypes)
            new Trajectory(c, type).Run();
    }

    sealed class Trajectory
    {
        readonly ReferenceCase reference;
        readonly int accumulation;
        readonly TinyModels tiny;
        readonly TrainingStep step;
        readonly Tensor gradient;
        readonly Dictionary<string, double[]> firstMove = [];
        readonly List<double> losses = [], perturbLosses = [], rates = [], radii = [], norms = [], clippedNorms = [], epochLosses = [],
            epochPerturbLosses = [];
        double sum, perturbSum;
        int counted;

        public Trajectory(ReferenceCase reference, DType type)
        {
            this.reference = reference;
            var settings = new CaseSettings(reference.Config);
            tiny = new TinyModels(reference.Json.GetProperty("model").GetString()!, type);
            gradient = tiny.Arena.NewBuffer();
            var options = settings.Options;
            accumulation = options.GradAccumSteps;
            var schedule = StepSetup.Schedule(options, UpdateWindow.PerEpoch(TinyModels.Batches, accumulation));
            step = new TrainingStep(tiny.Model, tiny.Arena, StepSetup.Optimizer(options, tiny.Arena),
                settings.Step(new StoredNoise(reference.Id), KeepFirstMove), schedule, StepSetup.Rho(options, schedule));
        }

        static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(static x => x.GetDouble())];

        public void Run()
        {
            int[] snapshots = [.. reference.Json.GetProperty("snapshots").EnumerateArray().Select(static s => s.GetInt32())];
            int updates = reference.Json.GetProperty("updates").GetInt32();
            Assert.Multiple(() =>
            {
                for (int batch = 0; step.Updates < updates; batch = (batch + 1) % TinyModels.Batches)
                {
                    long before = step.Updates;
                    Batch(batch);
                    if (step.Updates > before && Array.IndexOf(snapshots, (int)step.Updates) is >= 0 and var row)
                        CompareSnapshot(row);
                }
                CompareNumbers();
            });
            step.Optimizer.Dispose();
            step.Dispose();
            tiny.Dispose();
        }

        void Batch(int batch)
        {
            var (images, labels) = tiny.Batch(batch);
            var window = UpdateWindow.At(batch, TinyModels.Batches, accumulation);
            if (window.IsFirst)
            {
                rates.Add(step.LearningRate);
                radii.Add(step.Rho);
            }
            step.AddGradient(images, labels, window);
            if (window.IsLast)
            {
                step.CopyGradient(gradient);
                step.Update();
                norms.Add(step.Report().GradientNorm);
                clippedNorms.Add(norms[^1] * step.Optimizer.Control.Scale.Item());
            }
            Average(batch, step.Report());
        }

        void Average(int batch, StepReport report)
        {
            losses.Add(report.Loss);
            perturbLosses.Add(report.PerturbLoss);
            if (batch == 0 || batch == 3 * accumulation)
                (sum, perturbSum, counted) = (0, 0, 0);
            (sum, perturbSum, counted) = (sum + report.Loss, perturbSum + report.PerturbLoss, counted + 1);
            if (batch < TinyModels.Batches - 1)
                return;
            epochLosses.Add(sum / counted);
            epochPerturbLosses.Add(perturbSum / counted);
        }

        void KeepFirstMove()
        {
            if (firstMove.Count > 0)
                return;
            foreach (var segment in tiny.Arena.Segments)
            {
                double[] moved = TinyModels.Read(segment.Parameter), at = tiny.Read(tiny.Arena.Weights, segment.Name);
                firstMove.Add(segment.Name, [.. moved.Zip(at, static (m, w) => m - w)]);
            }
        }

        void CompareSnapshot(int row)
        {
            double scale = step.Optimizer.Control.Scale.Item();
            foreach (var segment in tiny.Arena.Segments)
            {
                Compare("param", segment.Name, row, tiny.Read(tiny.Arena.Weights, segment.Name));
                Compare("grad", segment.Name, row, [.. tiny.Read(gradient, segment.Name).Select(g => g * scale)]);
                foreach (var (name, buffer) in step.Optimizer.State())
                    Compare($"state.{name}", segment.Name, row, tiny.Read(buffer, segment.Name));
            }
            foreach (var entry in tiny.Model.State())
            {
                if (entry.Tensor.DType == DType.Int64)
                {
                    long[] stored = ReferenceData.Int64(reference.File, $"{reference.Id}/buffer/{entry.Name}").Data;
                    Assert.That(entry.Tensor.ToArray<long>()[0], Is.EqualTo(stored[row]), entry.Name);
                }
                else if (entry.Tensor is not Parameter)
                {
                    Compare("buffer", entry.Name, row, TinyModels.Read(entry.Tensor));
                }
            }
        }

        void Compare(string kind, string name, int? row, double[] actual)
        {
            var (prefix, atol) = (reference.Outputs[kind].Prefix, reference.Outputs[kind].Atol);
            var all = ReferenceData.Float32(reference.File, prefix + name);
            var one = row is { } r
                ? new ReferenceTensor<float>(all.Data[(r * actual.Length)..((r + 1) * actual.Length)], all.Shape[1..])
                : all;
            var layout = one.Shape.Length == 4 ? WeightLayout.Convolution : WeightLayout.Plain;
            Assert.That(Deviation.Max(actual, TinyModels.ToOwnLayout(one, layout)), Is.LessThanOrEqualTo(atol),
                $"{kind} {name}, snapshot {row}");
        }

        void CompareNumbers()
        {
            CompareList("loss_per_batch", losses);
            CompareList("perturb_loss_per_batch", perturbLosses);
            Assert.That(rates, Is.EqualTo(Numbers(reference.Json.GetProperty("lr_per_update"))).Within(1e-15));
            Assert.That(radii, Is.EqualTo(Numbers(reference.Json.GetProperty("rho_per_update"))).Within(1e-15));
            // The stored norms and averages have nine digits and more.
            Assert.That(clippedNorms, Is.EqualTo(Numbers(reference.Json.GetProperty("grad_norm_at_step"))).Within(4e-4).Percent);
            if (reference.Json.TryGetProperty("total_norm_before_clip", out JsonElement totals))
                Assert.That(norms, Is.EqualTo(Numbers(totals)).Within(4e-4).Percent);
            double atol = reference.Outputs["loss_per_batch"].Atol;
            Assert.That(epochLosses, Is.EqualTo(Numbers(reference.Json.GetProperty("epoch_loss"))).Within(atol));
            Assert.That(epochPerturbLosses, Is.EqualTo(Numbers(reference.Json.GetProperty("epoch_perturb_loss"))).Within(atol));
            if (reference.Outputs.ContainsKey("perturb_first"))
                foreach (var (name, move) in firstMove)
                    Compare("perturb_first", name, null, move);
        }

        void CompareList(string output, List<double> actual)
        {
            var stored = ReferenceData.Float64(reference.File, reference.Outputs[output].Tensor).Data;
            Assert.That(Deviation.Max(actual.ToArray(), stored), Is.LessThanOrEqualTo(reference.Outputs[output].Atol), output);
        }
    }
}
