using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>Finds what options ask for about a Hessian, one after the other, and writes what there is after each.</summary>
sealed class HessianAnalysis
{
    // A pass for one vector costs 2.67 gradients, one for four 8.67, and no more than 2 a vector what is kept: probes that do not depend on
    // each other share a pass, while the directions that Lanczos needs come one after the other.
    const int BlockOfProbes = 4;

    const int PointsOfDensity = 2000;

    readonly HessianSetup setup;
    readonly HessianOptions options;
    readonly ITrainingObserver observer;
    readonly HessianFiles? files;
    readonly PassProgress progress;
    readonly Stopwatch clock = Stopwatch.StartNew();
    int passes, products;
    Tensor gradient = null!;

    /// <param name="setup">Model, loss and images.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="subject">What it is of.</param>
    /// <param name="observer">Hears how far it is.</param>
    public HessianAnalysis(HessianSetup setup, HessianOptions options, HessianSubject subject, ITrainingObserver observer)
    {
        (this.setup, this.options, this.observer) = (setup, options, observer);
        files = HessianFiles.From(options);
        progress = new PassProgress(observer, setup.Batches.Images, setup.BatchesOfAPass);
        Report = new HessianReport(subject);
    }

    /// <summary>What was found so far.</summary>
    public HessianReport Report { get; private set; }

    /// <summary>Vectors that are in memory at once, at most.</summary>
    /// <param name="options">What is asked for.</param>
    public static int Vectors(HessianOptions options)
    {
        int total = options.Which.Total(options.Eigenvalues), block = options.Block ?? 1;
        int basis = Math.Max(options.Basis ?? LanczosSettings.UsualBasis(total, block), LanczosSettings.LeastBasis(total, block));
        int eigenvalues = options.Eigenvalues == 0 ? 0
            : options.Method == EigenvalueMethod.Power ? options.Eigenvalues + 2
            : basis + (2 * block) + total + ((basis - total) / 2);
        int probes = options.Block ?? BlockOfProbes;
        int trace = options.Trace > 0 ? 2 * Math.Min(options.Trace, probes) : 0;
        int density = options.Density > 0 ? Math.Min(options.Density, probes) * (options.DensitySteps + 1) : 0;
        // The gradient stays; a step along it has another.
        return 2 + Math.Max(eigenvalues, Math.Max(trace, density));
    }

    /// <summary>Does all of it.</summary>
    /// <param name="stop">Ends it; what was found before stays in <see cref="Report"/> and in the files.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A number is not finite.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void Run(CancellationToken stop)
    {
        gradient = setup.Space.Rent();
        try
        {
            MeasureLoss(stop);
            if (options.Eigenvalues > 0)
                FindEigenvalues(stop);
            if (options.Rho is not null)
                MeasureSharpness(stop);
            if (options.Trace > 0)
                EstimateTrace(stop);
            if (options.Density > 0)
                EstimateDensity(stop);
        }
        finally
        {
            setup.Space.Return(gradient);
        }
        Save(Report with { IsComplete = true });
    }

    LossHessian Matrix(int block) => setup.Operator(block, progress.BatchDone);

    void Save(HessianReport report)
    {
        Report = report with { Cost = (passes, products), Seconds = clock.Elapsed.TotalSeconds };
        if (files?.Write(Report) is { } written && Report.IsComplete)
            observer.Message(MessageLevel.Info, $"Results: {string.Join(", ", written)}");
    }

    void MeasureLoss(CancellationToken stop)
    {
        progress.Begin("gradient", 1);
        using var sharpness = setup.Sharpness(progress.BatchDone);
        double loss = sharpness.Gradient(gradient, stop), norm = setup.Space.Norm(gradient);
        Save(Report with { Loss = loss, GradientNorm = norm });
    }

    void FindEigenvalues(CancellationToken stop)
    {
        if (options.Method == EigenvalueMethod.Power)
        {
            IteratePower(stop);
            return;
        }
        int block = options.Block ?? 1, total = options.Which.Total(options.Eigenvalues);
        var matrix = Matrix(block);
        var search = new BlockLanczos(matrix, setup.Space, new(options.Eigenvalues, options.Which, options.Tol, options.Iterations, block,
            options.Basis ?? LanczosSettings.UsualBasis(total, block), (ulong)options.Seed));
        progress.Begin("eigenvalues", options.Iterations);
        try
        {
            search.Run(Tell, stop);
        }
        finally
        {
            Take(search.State, null, stop);
        }
        WriteVectors(search.State, search.Eigenvectors);
        search.Release();
    }

    void IteratePower(CancellationToken stop)
    {
        var iteration = new PowerIteration(Matrix(1), setup.Space,
            new(options.Eigenvalues, options.Tol, options.Iterations, (ulong)options.Seed));
        progress.Begin("eigenvalues", options.Iterations * options.Eigenvalues);
        try
        {
            iteration.Run(Tell, stop);
        }
        finally
        {
            Take(iteration.State, iteration.BeforeLast, stop);
        }
        WriteVectors(iteration.State, () => [.. iteration.Eigenvectors]);
        iteration.Release();
    }

    void Tell(EigenvalueSearch state)
    {
        int found = state.Estimates.Count(static e => e.HasConverged);
        string value = state.Estimates.Count == 0 ? ""
            : FormattableString.Invariant($", {state.Estimates[0].Value:G6} with residual {state.Estimates[0].Residual:G2}");
        progress.PassDone($"{found} of {options.Which.Total(options.Eigenvalues)} found{value}");
    }

    void Take(EigenvalueSearch state, double? beforeLast, CancellationToken stop)
    {
        passes += state.Iterations;
        products += state.Products;
        Save(Report with { Eigenvalues = new(options.Method, options.Which, state, beforeLast) });
        if (state.IsComplete || stop.IsCancellationRequested)
            return;
        string noise = options.Precision == GpuPrecision.Tf32 && setup.Device.IsAsynchronous
            ? $" Products are rounded to TF32 here: {RunOptions.PrecisionOption} fp32 does not."
            : "";
        observer.Message(MessageLevel.Warning, FormattableString.Invariant(
            $"Not all eigenvalues have converged after {state.Iterations} passes; residuals say how far each may be off.{noise}"));
    }

    void WriteVectors(EigenvalueSearch state, Func<IReadOnlyList<Tensor>> vectors)
    {
        if (options.Eigenvectors is not { } path)
            return;
        var made = vectors();
        HessianFiles.WriteVectors(path, setup.Arena, state.Estimates, made);
        observer.Message(MessageLevel.Info, $"Eigenvectors: {path}");
    }

    void MeasureSharpness(CancellationToken stop)
    {
        double norm = Report.GradientNorm!.Value, curvature = Curvature(norm, stop);
        Report = Report with { GradientCurvature = curvature };
        using var sharpness = setup.Sharpness(progress.BatchDone);
        progress.Begin("sharpness", options.Rho!.Length * (1 + (options.SharpnessM?.Length ?? 0)));
        foreach (double rho in options.Rho)
        {
            double increase = sharpness.LossAlong(gradient, rho, stop) - Report.Loss!.Value;
            Add(new(rho, 0, 1, increase, (rho * norm) + (rho * rho / 2 * curvature)));
            foreach (double m in options.SharpnessM ?? [])
            {
                var (mean, groups) = sharpness.OfGroups((int)m, rho, stop);
                Add(new(rho, (int)m, groups, mean, null));
            }
        }

        void Add(SharpnessResult result)
        {
            Save(Report with { Sharpness = [.. Report.Sharpness, result] });
            progress.PassDone(FormattableString.Invariant($"rho {result.Rho}: {result.Increase:G4}"));
        }
    }

    /// <summary>ĝᵀHĝ.</summary>
    double Curvature(double norm, CancellationToken stop)
    {
        if (norm == 0)
            return 0;
        progress.Begin("curvature along the gradient", 1);
        Tensor image = setup.Space.Rent();
        try
        {
            Matrix(1).Multiply([gradient], [image], stop);
            passes++;
            products++;
            return setup.Space.Products(gradient, image).XY / (norm * norm);
        }
        finally
        {
            setup.Space.Return(image);
        }
    }

    void EstimateTrace(CancellationToken stop)
    {
        int block = Math.Min(options.Block ?? BlockOfProbes, options.Trace);
        var estimate = new HutchinsonTrace(Matrix(block), setup.Space, (ulong)options.Seed);
        progress.Begin("trace", (options.Trace + block - 1) / block);
        try
        {
            estimate.Run(options.Trace, options.TraceTol, () =>
            {
                var trace = estimate.Trace;
                progress.PassDone(FormattableString.Invariant($"{trace.Value:G5} ± {trace.StandardError:G2}"));
            }, stop);
        }
        finally
        {
            passes += (estimate.Trace.Samples + block - 1) / block;
            products += estimate.Trace.Samples;
            if (estimate.Trace.Samples > 0)
                Save(Report with { Trace = new(estimate.Trace, estimate.SquaredFrobenius, estimate.Parameters) });
        }
    }

    void EstimateDensity(CancellationToken stop)
    {
        int block = Math.Min(options.Block ?? BlockOfProbes, options.Density);
        // Other vectors than those of the trace.
        var quadrature = new LanczosQuadrature(Matrix(block), setup.Space, (ulong)options.Seed + (1UL << 32));
        int steps = (int)Math.Min(options.DensitySteps, setup.Space.Dimension);
        progress.Begin("density", (options.Density + block - 1) / block * steps);
        try
        {
            quadrature.Run(options.Density, steps,
                () => progress.PassDone($"{quadrature.Rules.Count} of {Quantity.Of(options.Density, "vector")} done"), stop);
        }
        finally
        {
            passes += quadrature.Iterations;
            products += quadrature.Products;
            if (quadrature.Rules is { Count: > 0 } rules)
                Save(Report with { Density = Result(rules) });
        }
    }

    DensityResult Result(IReadOnlyList<QuadratureRule> rules)
    {
        var density = SpectralDensity.Of(rules, PointsOfDensity, options.DensityWidth);
        return new(density, rules,
            MeanEstimate.Of([.. rules.Select(static r => r.Nodes.Zip(r.Weights, static (t, w) => t * w).Sum())]),
            MeanEstimate.Of([.. rules.Select(r => r.Nodes.Zip(r.Weights, (t, w) => t < -density.Width ? w : 0).Sum())]));
    }
}
