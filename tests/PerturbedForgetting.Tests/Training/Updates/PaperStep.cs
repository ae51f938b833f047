using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>The move of the weights that a paper prescribes for a chunk of samples.</summary>
/// <param name="at">The run that it is made in.</param>
/// <param name="chunk">Images and labels.</param>
delegate PaperMove Paper(PaperStep at, (Tensor Images, Tensor Labels) chunk);

/// <summary>A move, and the direction that GSAM takes apart.</summary>
/// <param name="Epsilon">What is added to the weights.</param>
/// <param name="Raw">The ascent direction, scaled as before its normalisation.</param>
/// <param name="Normalized">The same, scaled as after it.</param>
readonly record struct PaperMove(double[] Epsilon, double[] Raw, double[] Normalized);

/// <summary>
/// Training as papers state it, on plain arrays of float64: every operation on weights, directions and averages is written out here. Only
/// losses and their gradients at given weights are the engine's, whose own numbers have references of their own.
/// </summary>
sealed class PaperStep : IDisposable
{
    readonly TinySettings settings;
    readonly TinyModels tiny;
    readonly (long First, int Length)[] places;
    readonly Paper paper;
    double[] look = [];
    int batch;

    public PaperStep(TinySettings settings, Paper paper)
    {
        (this.settings, this.paper) = (settings, paper);
        tiny = new TinyModels(settings.Model, DType.Float64);
        long first = 0;
        places = [.. tiny.Arena.Segments.Select(s => ((first += s.Count) - s.Count, (int)s.Count))];
        Weights = [.. tiny.Arena.Segments.SelectMany(static s => TinyModels.Read(s.Parameter))];
        (Average, second) = (new double[Weights.Length], new double[Weights.Length]);
        Memory = new double[Weights.Length];
    }

    readonly double[] second;

    public double[] Weights { get; private set; }

    /// <summary>SGD's momentum or Adam's first moment.</summary>
    public double[] Average { get; private set; }

    /// <summary>What a paper keeps from one perturbation to the next.</summary>
    public double[] Memory { get; set; }

    /// <summary>Perturbations so far.</summary>
    public int Moves { get; private set; }

    public int Updates { get; private set; }

    public double Rho { get; init; } = 0.1;

    /// <summary>1 for the elements of the parameters whose name fits, else 0.</summary>
    public double[] Where(Predicate<string> fits) =>
        [.. tiny.Arena.Segments.SelectMany(s => Enumerable.Repeat(fits(s.Name) ? 1.0 : 0, (int)s.Count))];

    /// <summary>The gradient of the perturbation objective.</summary>
    public double[] AscentGradient(double[] at, (Tensor Images, Tensor Labels) chunk) =>
        Gradient(settings.Perturbation.Loss ?? settings.Loss, at, chunk);

    /// <summary>An update at these learning rates, or several.</summary>
    public void Train(IEnumerable<double> rates)
    {
        foreach (double rate in rates)
            Update(rate);
    }

    public void Dispose() => tiny.Dispose();

    void Update(double rate)
    {
        double[] gradient = new double[Weights.Length];
        bool isPerturbed = settings.Perturbation.Period.Includes(Updates);
        if (isPerturbed)
            look = new double[Weights.Length];
        UpdateWindow window;
        int batches = 0, moves = Moves;
        do
        {
            window = UpdateWindow.At(batch, TinyModels.Batches, settings.Accumulation);
            var (images, labels) = tiny.Batch(batch);
            int size = isPerturbed && settings.Perturbation.ChunkSize > 0 ? settings.Perturbation.ChunkSize : images.Shape[0];
            int chunks = images.Shape[0] / size;
            for (int c = 0; c < chunks; c++)
            {
                double[] one = OfChunk((images.Rows(c * size, size), labels.Rows(c * size, size)), isPerturbed);
                gradient = [.. gradient.Zip(one, (g, o) => g + (o / chunks))];
            }
            batches++;
            batch = (batch + 1) % TinyModels.Batches;
        }
        while (!window.IsLast);
        gradient = [.. gradient.Select(g => g / batches)];
        if (isPerturbed)
            look = [.. look.Select(v => v / (Moves - moves))];
        if (!isPerturbed && settings.Perturbation.LookAlpha != 0 && Norm(look) > 0)
        {
            double share = settings.Perturbation.LookAlpha * Norm(gradient) / (Norm(look) + 1e-12);
            gradient = [.. gradient.Zip(look, (g, v) => g + (share * v))];
        }
        Descend(gradient, rate);
        Updates++;
    }

    double[] OfChunk((Tensor Images, Tensor Labels) chunk, bool isPerturbed)
    {
        if (!isPerturbed)
            return Gradient(settings.Loss, Weights, chunk);
        var move = paper(this, chunk);
        Moves++;
        double[] g = Gradient(settings.Loss, [.. Weights.Zip(move.Epsilon, static (w, e) => w + e)], chunk);
        if (settings.Perturbation is { Weight: not 1 } or { LookAlpha: not 0 })
        {
            double[] clean = Gradient(settings.Loss, Weights, chunk);
            // What keeps a norm from zero shows where v is a small part of g.
            double share = Dot(g, clean) / Math.Pow(Norm(clean) + 1e-12, 2), weight = settings.Perturbation.Weight;
            look = [.. look.Select((v, i) => v + g[i] - (share * clean[i]))];
            g = [.. g.Zip(clean, (at, before) => (weight * at) + ((1 - weight) * before))];
        }
        double alpha = settings.Perturbation.Alpha;
        if (alpha == 0)
            return g;
        // GSAM descends against the part of the clean ascent direction that is orthogonal to g (Zhuang et al., algorithm 1).
        double[] h = settings.Perturbation.IsDirectionNormalized ? move.Normalized : move.Raw;
        double along = Dot(h, g) / Math.Pow(Norm(g) + 1e-12, 2);
        return [.. g.Zip(h, (x, d) => x - (alpha * (d - (along * x))))];
    }

    void Descend(double[] g, double rate)
    {
        if (settings.Opt.EndsWith("sgd", StringComparison.Ordinal))
        {
            Average = [.. Average.Zip(g, static (v, x) => (0.9 * v) + x)];
            Weights = [.. Weights.Zip(Average, (w, v) => w - (rate * v))];
            return;
        }
        Average = [.. Average.Zip(g, static (m, x) => (0.9 * m) + (0.1 * x))];
        for (int i = 0; i < g.Length; i++)
            second[i] = (0.999 * second[i]) + (0.001 * g[i] * g[i]);
        double first = 1 - Math.Pow(0.9, Updates + 1), root = Math.Sqrt(1 - Math.Pow(0.999, Updates + 1));
        Weights = [.. Weights.Select((w, i) => w - (rate / first * Average[i] / ((Math.Sqrt(second[i]) / root) + 1e-8)))];
    }

    double[] Gradient(LossFunction loss, double[] at, (Tensor Images, Tensor Labels) chunk)
    {
        foreach (var (segment, place) in tiny.Arena.Segments.Zip(places))
            TinyModels.Write(segment.Parameter, at[(int)place.First..((int)place.First + place.Length)]);
        tiny.Arena.ClearGradients();
        using (Scope.Begin())
            loss(tiny.Model.Call(chunk.Images), chunk.Labels).Backward();
        return [.. tiny.Arena.Segments.SelectMany(static s => TinyModels.Read(s.Parameter.Grad!))];
    }

    public static double Dot(double[] a, double[] b) => a.Zip(b, static (x, y) => x * y).Sum();

    public static double Norm(double[] a) => Math.Sqrt(Dot(a, a));
}
