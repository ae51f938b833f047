using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;
using static PerturbedForgetting.Tests.Training.Updates.PaperStep;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>Each perturbation of docs/perturbations.md: how it is asked for, and the formula of its paper.</summary>
static class PaperCases
{
    static readonly LossFunction Obf = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 0.7);

    /// <summary>Plain, in every way that a step can be cut up, and with GSAM.</summary>
    public static IEnumerable<(TinySettings Settings, Paper Paper)> All()
    {
        foreach (var (settings, paper) in Kinds())
        {
            yield return (settings, paper);
            yield return (Named(settings, "obf, m4, accumulation") with
            {
                Accumulation = 2,
                Perturbation = settings.Perturbation with
                {
                    Loss = settings.Perturbation is { Weight: 1, LookAlpha: 0 } ? Obf : null,
                    ChunkSize = 4,
                },
            }, paper);
            if (!TakesGsam(settings.Perturbation))
                continue;
            yield return (Named(settings, "gsam, m4") with
            {
                Perturbation = settings.Perturbation with { Alpha = 0.4, ChunkSize = 4 },
            }, paper);
            if (settings.Perturbation.Norm == PerturbationNorm.None)
                continue;
            yield return (Named(settings, "gsam normalized, accumulation") with
            {
                Accumulation = 2,
                Perturbation = settings.Perturbation with { Alpha = 0.4, IsDirectionNormalized = true },
            }, paper);
        }
    }

    /// <summary>One of each kind, at its most involved.</summary>
    public static IEnumerable<(TinySettings Settings, Paper Paper)> Few()
    {
        foreach (var (settings, paper) in Kinds())
        {
            // Convolutions on the software GPU take their time.
            var perturbation = settings.Perturbation;
            if (settings.Model == "conv" && perturbation.Parameters == PerturbedParameters.All)
                continue;
            yield return (Named(settings, "m4, accumulation, gsam") with
            {
                Accumulation = 2,
                Perturbation = perturbation with { ChunkSize = 4, Alpha = TakesGsam(perturbation) ? 0.4 : 0 },
            }, paper);
        }
    }

    static bool TakesGsam(PerturbationOptions options) =>
        options.Direction != SamDirection.Momentum && options is { Weight: 1, LookAlpha: 0 };

    static TinySettings Named(TinySettings settings, string addition) => settings with { Name = $"{settings.Name}, {addition}" };

    static TinySettings Sam(string name, string model, PerturbationOptions perturbation, string opt = "sam_sgd") => new(name, opt)
    {
        Model = model,
        Perturbation = perturbation,
        Numbers = new() { WeightDecay = 0 },
        Rate = opt == "sam_sgd" ? 0.05 : 0.01,
    };

    static IEnumerable<(TinySettings Settings, Paper Paper)> Kinds()
    {
        foreach (string model in (string[])["mlp", "conv"])
        {
            yield return (Sam($"friendly {model}", model,
                new() { Direction = SamDirection.Friendly, FriendlySigma = 0.8, FriendlyLambda = 0.6 }), Friendly(0.8, 0.6));
            yield return (Sam($"vasso {model}", model,
                new() { Direction = SamDirection.VarianceSuppressed, VassoTheta = 0.4 }), Vasso(0.4));
            yield return (Sam($"three steps {model}", model, new() { Steps = 3 }), Steps(3));
            yield return (Sam($"asam both, eta, weights {model}", model, new()
            {
                IsAdaptive = true,
                ScalesBeforeNorm = true,
                ScalesAfterNorm = true,
                Eta = 0.01,
                ScaledParameters = AsamParameters.Weight,
            }), Asam(0.01, true, true, static name => name.EndsWith("weight", StringComparison.Ordinal)));
        }
        yield return (Sam("norm alone", "conv", new() { Parameters = PerturbedParameters.Norm }), Restricted(IsNorm));
        yield return (Sam("all but norm", "conv", new() { Parameters = PerturbedParameters.NoNorm }), Restricted(name => !IsNorm(name)));
        yield return (Sam("two steps", "mlp", new() { Steps = 2 }), Steps(2));
        yield return (Sam("asam before, eta", "mlp", new() { IsAdaptive = true, ScalesBeforeNorm = true, Eta = 0.1 }),
            Asam(0.1, true, false, static _ => true));
        yield return (Sam("asam after, eta", "conv", new() { IsAdaptive = true, ScalesAfterNorm = true, Eta = 0.1 }),
            Asam(0.1, false, true, static _ => true));
        yield return (Sam("asam of davda54", "mlp", new() { IsAdaptive = true, ScalesBeforeNorm = true, ScalesAfterNorm = true }),
            Asam(0, true, true, static _ => true));
        yield return (Sam("momentum of sgd", "mlp", new() { Direction = SamDirection.Momentum }), Momentum);
        yield return (Sam("momentum of adam", "conv", new() { Direction = SamDirection.Momentum }, "sam_adam"), Momentum);
        yield return (Sam("every third from the second", "mlp", new() { Period = new(1, long.MaxValue, 3) }), Steps(1));
        yield return (Sam("until the second", "mlp", new() { Period = new(0, 2, 1) }), Steps(1));
        yield return (Sam("vasso, norm alone, every second", "conv", new()
        {
            Direction = SamDirection.VarianceSuppressed,
            Parameters = PerturbedParameters.Norm,
            Period = new(0, long.MaxValue, 2),
        }), static (at, chunk) => Vasso(0.9, at, chunk, at.Where(IsNorm)));
        yield return (Sam("not normalised", "conv", new() { Norm = PerturbationNorm.None, IsAdaptive = true, ScalesAfterNorm = true }),
            NotNormalised);
        yield return (Sam("gradient norm penalty", "conv", new() { Weight = 0.7 }), Steps(1));
        yield return (Sam("weighted beyond", "mlp", new() { Weight = 1.8, Direction = SamDirection.Friendly }), Friendly(1, 0.9));
        yield return (Sam("looksam", "mlp", new() { LookAlpha = 0.7, Period = new(1, long.MaxValue, 3) }), Steps(1));
        yield return (Sam("looksam, weighted", "conv",
            new() { LookAlpha = 0.7, Weight = 0.7, Period = new(0, long.MaxValue, 2) }), Steps(1));
        yield return (Sam("friendly, asam", "mlp", new() { Direction = SamDirection.Friendly, IsAdaptive = true, ScalesAfterNorm = true }),
            FriendlyAsam);
    }

    static bool IsNorm(string name) => name.StartsWith("bn", StringComparison.Ordinal);

    /// <summary>Along a direction, over its norm.</summary>
    static PaperMove Along(PaperStep at, double[] d) => new(Scale(d, at.Rho / Length(d)), d, Scale(d, 1 / Length(d)));

    /// <summary>What keeps divisors from zero here belongs to the formulas: it shows where they take differences.</summary>
    static double Length(double[] d) => Norm(d) + 1e-12;

    /// <summary>Li et al., CVPR 2024.</summary>
    static Paper Friendly(double sigma, double lambda) => (at, chunk) =>
    {
        double[] g = at.AscentGradient(at.Weights, chunk);
        at.Memory = [.. at.Memory.Zip(g, (m, x) => (lambda * m) + ((1 - lambda) * x))];
        return Along(at, [.. g.Zip(at.Memory, (x, m) => x - (sigma * m))]);
    };

    /// <summary>Li and Giannakis, NeurIPS 2023; from the first gradient on, as in their code.</summary>
    static Paper Vasso(double theta) => (at, chunk) => Vasso(theta, at, chunk, null);

    static PaperMove Vasso(double theta, PaperStep at, (Tensor Images, Tensor Labels) chunk, double[]? mask)
    {
        double[] g = at.AscentGradient(at.Weights, chunk);
        at.Memory = at.Moves == 0 ? g : [.. at.Memory.Zip(g, (d, x) => ((1 - theta) * d) + (theta * x))];
        return Along(at, mask is null ? at.Memory : Times(at.Memory, mask));
    }

    /// <summary>K steps of rho/K, each along the gradient where the last one ended; GSAM takes that of the first one.</summary>
    static Paper Steps(int steps) => (at, chunk) =>
    {
        double[] w = at.Weights, first = [];
        for (int k = 0; k < steps; k++)
        {
            double[] g = at.AscentGradient(w, chunk);
            if (k == 0)
                first = g;
            w = [.. w.Zip(g, (x, d) => x + (at.Rho / steps * d / Length(g)))];
        }
        return new([.. w.Zip(at.Weights, static (moved, x) => moved - x)], first, Scale(first, 1 / Length(first)));
    };

    /// <summary>Kwon et al., ICML 2021: T = |w| + eta for some parameters and 1 for others, inside the norm, outside, or both.</summary>
    static Paper Asam(double eta, bool before, bool after, Predicate<string> isScaled) => (at, chunk) =>
    {
        double[] g = at.AscentGradient(at.Weights, chunk);
        double[] t = [.. at.Weights.Zip(at.Where(isScaled), (w, s) => s == 1 ? Math.Abs(w) + eta : 1)];
        double[] raw = before ? Times(t, g) : g;
        double[] normalized = Scale(raw, 1 / Length(raw));
        if (after)
            normalized = Times(t, normalized);
        return new(Scale(normalized, at.Rho), raw, normalized);
    };

    /// <summary>Müller et al., NeurIPS 2023: the direction of some parameters, over its own norm.</summary>
    static Paper Restricted(Predicate<string> isMoved) =>
        (at, chunk) => Along(at, Times(at.AscentGradient(at.Weights, chunk), at.Where(isMoved)));

    /// <summary>Becker et al., 2024: against the momentum.</summary>
    static PaperMove Momentum(PaperStep at, (Tensor Images, Tensor Labels) chunk) =>
        new(Scale(at.Average, -at.Rho / Length(at.Average)), [], []);

    /// <summary>The gradient as it is, scaled by |w|.</summary>
    static PaperMove NotNormalised(PaperStep at, (Tensor Images, Tensor Labels) chunk)
    {
        double[] g = at.AscentGradient(at.Weights, chunk);
        return new(Scale(Times(g, Magnitudes(at.Weights)), at.Rho), g, []);
    }

    /// <summary>The friendly direction, scaled by |w| after its normalisation.</summary>
    static PaperMove FriendlyAsam(PaperStep at, (Tensor Images, Tensor Labels) chunk)
    {
        double[] d = Friendly(1, 0.9)(at, chunk).Raw, scaled = Times(d, Magnitudes(at.Weights));
        return new(Scale(scaled, at.Rho / Length(d)), d, Scale(scaled, 1 / Length(d)));
    }

    static double[] Magnitudes(double[] a) => [.. a.Select(Math.Abs)];

    static double[] Scale(double[] a, double by) => [.. a.Select(x => x * by)];

    static double[] Times(double[] a, double[] b) => [.. a.Zip(b, static (x, y) => x * y)];
}
