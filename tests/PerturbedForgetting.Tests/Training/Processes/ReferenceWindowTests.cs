using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>
/// The reference's step of many processes by its numbers for one: gradients that one accumulates over A batches at one place are those that
/// A processes average, each with its own perturbations, and are clipped afterwards in both. So A ranks of one batch each make the first
/// updates of its trajectories with <c>--grad-accum-steps A</c>.
/// </summary>
[TestFixture]
sealed class ReferenceWindowTests
{
    static IEnumerable<TestCaseData> Cases() => ReferenceData.Cases("optim")
        .Where(static c => new CaseSettings(c.Config).Options.GradAccumSteps > 1)
        .Select(static c => new TestCaseData(c).SetArgDisplayNames(c.Id));

    [TestCaseSource(nameof(Cases))]
    public void RanksMakeTheUpdatesOfAWindow(ReferenceCase c)
    {
        int ranks = new CaseSettings(c.Config).Options.GradAccumSteps;
        double[] norms = [.. c.Json.GetProperty("grad_norm_at_step").EnumerateArray().Select(static n => n.GetDouble())];
        ThreadWorld.Run(ranks, world =>
        {
            using Member member = new(c, world);
            // The last window of an epoch is shorter.
            for (int update = 0; update < TinyModels.Batches / ranks; update++)
            {
                member.Update(update);
                foreach (var segment in member.Tiny.Arena.Segments)
                {
                    var (prefix, atol) = (c.Outputs["param"].Prefix, c.Outputs["param"].Atol);
                    var all = ReferenceData.Float32(c.File, prefix + segment.Name);
                    int length = (int)segment.Count;
                    var stored = new ReferenceTensor<float>(all.Data[(update * length)..((update + 1) * length)], all.Shape[1..]);
                    double[] expected = TinyModels.ToOwnLayout(stored, segment.Parameter.Layout);
                    Assert.That(Deviation.Max(member.Tiny.Read(member.Tiny.Arena.Weights, segment.Name), expected),
                        Is.LessThanOrEqualTo(atol), $"{segment.Name}, rank {world.Rank}, update {update}");
                }
                double clipped = member.Step.Report().GradientNorm * member.Step.Optimizer.Control.Scale.Item();
                Assert.That(clipped, Is.EqualTo(norms[update]).Within(4e-4).Percent);
            }
            return 0;
        });
    }

    /// <summary>After the first batch a statistic is s = 0.9·s₀ + 0.1·x; the reference has it after batch 0, and after batches 0 and 1 one
    /// after the other. What batch 1 alone makes of s₀ follows, and the mean of both is what <c>--dist-bn reduce</c> makes.</summary>
    [Test]
    public void ReducedStatisticsAreTheMeanOfThoseOfTheReference()
    {
        ReferenceCase one = Named("conv.sgdw.ce"), two = Named("conv.sgdw.accum2");
        double[][] reduced = ThreadWorld.Run(2, world =>
        {
            using Member member = new(two, world);
            member.Update(0);
            var buffers = member.Tiny.Arena.Buffers!;
            foreach (var statistics in buffers.ByType(buffers.Values).Where(static b => b.DType.IsFloating()))
                world.Communicator.AllReduce(statistics, ReduceOperation.Mean);
            return Statistics(member.Tiny).SelectMany(static s => TinyModels.Read(s.Tensor)).ToArray();
        });
        using TinyModels initial = new("conv");
        List<double> expected = [];
        foreach (var (name, tensor) in Statistics(initial))
        {
            double[] start = TinyModels.Read(tensor), first = Stored(one, name), second = Stored(two, name);
            for (int i = 0; i < start.Length; i++)
            {
                double x = (second[i] - (0.9 * first[i])) / 0.1;
                expected.Add((first[i] + (0.9 * start[i]) + (0.1 * x)) / 2);
            }
        }
        // Ten times the rounding of the stored numbers, for the division by 0.1.
        Assert.That(reduced[0], Is.EqualTo(expected).Within(1e-5));
        Assert.That(reduced[1], Is.EqualTo(reduced[0]));

        static ReferenceCase Named(string id) => ReferenceData.Cases("optim").Single(c => c.Id == id);

        static IEnumerable<(string Name, Tensor Tensor)> Statistics(TinyModels tiny) => tiny.Model.State()
            .Where(static e => e.Tensor is not Parameter && e.Tensor.DType.IsFloating()).Select(static e => (e.Name, e.Tensor));

        static double[] Stored(ReferenceCase c, string name)
        {
            var all = ReferenceData.Float32(c.File, c.Outputs["buffer"].Prefix + name);
            return [.. all.Data[..(all.Data.Length / all.Shape[0])].Select(static v => (double)v)];
        }
    }

    /// <summary>A direction that is infinite for one rank leaves the update out for all; so does a running statistic.</summary>
    [Test]
    public void APartThatIsNotFiniteLeavesTheUpdateOutForAll([Values("mlp", "conv")] string model)
    {
        double[][] weights = ThreadWorld.Run(2, world =>
        {
            using TinyRun run = new(new("sam", "sam_sgdw") { Model = model }, communicator: world.Communicator);
            var (images, labels) = run.Tiny.Batch(world.Rank);
            run.Step.Batch(images, labels, 0, 5);
            double[] before = TinyModels.Read(run.Arena.Weights);
            if (world.Rank == 1)
                images.Fill(double.PositiveInfinity);
            run.Step.Batch(images, labels, 1, 5);
            Assert.That(run.Step.Optimizer.Skipped, Is.EqualTo(1), $"rank {world.Rank}");
            Assert.That(TinyModels.Read(run.Arena.Weights), Is.EqualTo(before), $"rank {world.Rank}");
            return before;
        });
        Assert.That(weights[1], Is.EqualTo(weights[0]));
    }

    /// <summary>One rank.</summary>
    sealed class Member : IDisposable
    {
        readonly World world;

        public Member(ReferenceCase c, World world)
        {
            this.world = world;
            CaseSettings settings = new(c.Config);
            Tiny = new TinyModels(c.Json.GetProperty("model").GetString()!);
            var options = settings.Options;
            var schedule = StepSetup.Schedule(options, UpdateWindow.PerEpoch(TinyModels.Batches, options.GradAccumSteps));
            Step = new TrainingStep(Tiny.Model, Tiny.Arena, StepSetup.Optimizer(options, Tiny.Arena),
                settings.Step(new StoredNoise(c.Id), static () => { }) with { AccumulationSteps = 1 }, schedule,
                StepSetup.Rho(options, schedule), world.Communicator);
        }

        public TinyModels Tiny { get; }

        public TrainingStep Step { get; }

        public void Update(int update)
        {
            var (images, labels) = Tiny.Batch((update * world.Size) + world.Rank);
            Step.Batch(images, labels, update, TinyModels.Batches);
        }

        public void Dispose()
        {
            Step.Optimizer.Dispose();
            Step.Dispose();
            Tiny.Dispose();
        }
    }
}
