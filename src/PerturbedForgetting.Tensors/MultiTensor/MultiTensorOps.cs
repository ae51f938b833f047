using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.MultiTensor;

/// <summary>
/// Whole-model operations: each is one pass over flat buffers of a <see cref="MultiTensorLayout"/>. Numbers that one pass makes and
/// another reads (norms, products, radius, learning rate) are small float64 tensors of the device, so nothing waits for the host.
/// Costs are in bytes a float32 parameter. Sums are accumulated in float64 in an order fixed by the layout. Frozen parameters
/// count nowhere and are never written.
/// </summary>
public static class MultiTensorOps
{
    /// <summary>result = Σ (|w|ᵏ·x)² over all trained parameters. Reads 4 bytes, 8 with a weighting.</summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="x">Flat buffer.</param>
    /// <param name="weighting">|w|ᵏ.</param>
    /// <param name="result">float64[1].</param>
    /// <param name="weights">w, flat; none for the arena's weights.</param>
    public static void SquaredNorm(MultiTensorLayout layout, Tensor x, Weighting weighting, Tensor result, Tensor? weights = null)
    {
        using var range = Ranges.Operation(nameof(SquaredNorm));
        Flat(layout, x);
        Numbers(layout, result, 1);
        Backend(layout).SquaredNorm(layout, x, weighting, Weights(layout, weights), result);
    }

    /// <summary>result = (Σ x², Σ x·|w|ᵏ·z, Σ (|w|ᵏ·z)²). Reads 8 bytes, 12 with a weighting.</summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="x">Flat buffer.</param>
    /// <param name="z">Flat buffer.</param>
    /// <param name="weighting">|w|ᵏ, of the arena's weights.</param>
    /// <param name="result">float64[3].</param>
    public static void Products(MultiTensorLayout layout, Tensor x, Tensor z, Weighting weighting, Tensor result)
    {
        using var range = Ranges.Operation(nameof(Products));
        Flat(layout, x);
        Flat(layout, z);
        Numbers(layout, result, 3);
        Backend(layout).Products(layout, x, z, weighting, layout.Arena.Weights, result);
    }

    /// <summary>
    /// y = w + sign·radius·|w|ᵏ·d / (√squaredNorm + 1e-12): the weights moved along a direction, into another buffer. Frozen
    /// parameters are copied. Reads 8 bytes, writes 4.
    /// </summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="direction">d, flat.</param>
    /// <param name="weighting">|w|ᵏ, of the arena's weights.</param>
    /// <param name="squaredNorm">float64[1], as <see cref="SquaredNorm"/> makes it.</param>
    /// <param name="radius">float64[1].</param>
    /// <param name="sign">1 or -1, or another factor of the radius.</param>
    /// <param name="y">Flat buffer that receives the moved weights; not the weights themselves.</param>
    /// <param name="finite">float64[1], set to 0 where the norm is infinite or not a number, else left as it is; or none.</param>
    /// <param name="weights">w, flat, another buffer than <paramref name="y"/>; none for the arena's weights.</param>
    public static void StepAlong(MultiTensorLayout layout, Tensor direction, Weighting weighting, Tensor squaredNorm, Tensor radius,
        double sign, Tensor y, Tensor? finite = null, Tensor? weights = null)
    {
        using var range = Ranges.Operation(nameof(StepAlong));
        Flat(layout, direction);
        Flat(layout, y);
        Numbers(layout, squaredNorm, 1);
        Numbers(layout, radius, 1);
        if (finite is not null)
            Numbers(layout, finite, 1);
        Backend(layout).StepAlong(layout, Weights(layout, weights), direction, weighting, squaredNorm, radius, sign, finite, y);
    }

    /// <summary>
    /// y = scale·(a·x + b·|w|ᵏ·z), or y += that. Reads 4 bytes for each of x, z, weighting and, when accumulating, y; writes 4.
    /// </summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="gradient">x, z, the weighting, a and b.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="accumulate">Add to y instead of overwriting.</param>
    /// <param name="y">Flat buffer; may be x.</param>
    /// <param name="weights">w, flat; none for the arena's weights.</param>
    public static void Combine(MultiTensorLayout layout, in UpdateGradient gradient, double scale, bool accumulate, Tensor y,
        Tensor? weights = null)
    {
        using var range = Ranges.Operation(nameof(Combine));
        Check(layout, gradient);
        Flat(layout, y);
        Backend(layout).Combine(layout, gradient, Weights(layout, weights), scale, accumulate, y);
    }

    /// <summary>
    /// y = scale·(a·x + b·|w|ᵏ·z), or y += that, in float64: for a sum of many terms, which is then all but exact, whatever their order.
    /// Reads 4 bytes for each of x, z, weighting and, when accumulating, 8 for y; writes 8.
    /// </summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="gradient">x, z, the weighting, a and b.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="accumulate">Add to y instead of overwriting.</param>
    /// <param name="y">float64, of the arena's count; see <see cref="Narrow"/>.</param>
    public static void Accumulate(MultiTensorLayout layout, in UpdateGradient gradient, double scale, bool accumulate, Tensor y)
    {
        using var range = Ranges.Operation(nameof(Accumulate));
        Check(layout, gradient);
        Numbers(layout, y, layout.Arena.Count);
        Backend(layout).Accumulate(layout, gradient, layout.Arena.Weights, scale, accumulate, y);
    }

    /// <summary>y = x in the type of the weights. Reads 8 bytes, writes 4.</summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="x">float64, of the arena's count.</param>
    /// <param name="y">Flat buffer.</param>
    public static void Narrow(MultiTensorLayout layout, Tensor x, Tensor y)
    {
        using var range = Ranges.Operation(nameof(Narrow));
        Numbers(layout, x, layout.Arena.Count);
        Flat(layout, y);
        Backend(layout).Narrow(layout, x, y);
    }

    /// <summary>
    /// y = independent standard normal numbers, the same for a seed and stream on every device and for any number of threads. The
    /// zeros between parameters stay zero. Writes 4 bytes.
    /// </summary>
    /// <param name="layout">Layout of the buffer.</param>
    /// <param name="y">Flat buffer.</param>
    /// <param name="seed">Philox key.</param>
    /// <param name="stream">See <see cref="Random.Streams"/>.</param>
    /// <param name="counter">int64[1] on the device, added to the stream; none for 0.</param>
    public static void FillNormal(MultiTensorLayout layout, Tensor y, ulong seed, ulong stream, Tensor? counter = null)
    {
        using var range = Ranges.Operation(nameof(FillNormal));
        Flat(layout, y);
        Backend(layout).FillNormal(layout, y, new(seed, stream, counter));
    }

    /// <summary>y = factor·target + (1 - factor)·y. Reads 8 bytes, writes 4.</summary>
    /// <param name="layout">Layout of the buffers.</param>
    /// <param name="y">Flat buffer.</param>
    /// <param name="target">Flat buffer.</param>
    /// <param name="factor">float64[1].</param>
    public static void Lerp(MultiTensorLayout layout, Tensor y, Tensor target, Tensor factor)
    {
        using var range = Ranges.Operation(nameof(Lerp));
        Flat(layout, y);
        Flat(layout, target);
        Numbers(layout, factor, 1);
        Backend(layout).Lerp(layout, y, target, factor);
    }

    /// <summary>The same for one tensor outside the arena. An integer is mixed in float32 and truncated, as PyTorch does when it copies the
    /// mixture back.</summary>
    /// <param name="y">Any type.</param>
    /// <param name="target">Type and count of <paramref name="y"/>.</param>
    /// <param name="factor">float64[1].</param>
    public static void Lerp(Tensor y, Tensor target, Tensor factor)
    {
        using var range = Ranges.Operation(nameof(Lerp));
        Same(y, target);
        y.Backend.Lerp(y, target, factor);
    }

    /// <summary>
    /// The part of a direction o that is orthogonal to a gradient x, added to it: x + α·(o - (o·u)·u) with u = x / (‖x‖ + 1e-12), as
    /// two coefficients of x and z, where o = sign·|w|ᵏ·z, divided by (√directionSquaredNorm + 1e-12) if normalised. Zero gradients
    /// and directions are safe. (Surrogate gap minimisation, Zhuang et al., ICLR 2022, algorithm 1.)
    /// </summary>
    /// <param name="products">float64[3] of <see cref="Products"/>.</param>
    /// <param name="directionSquaredNorm">float64[1].</param>
    /// <param name="sign">1 or -1.</param>
    /// <param name="alpha">α.</param>
    /// <param name="isNormalized">Whether o is divided by its norm.</param>
    /// <param name="coefficients">float64[2]: a and b of <see cref="UpdateGradient"/>.</param>
    /// <param name="combinedSquaredNorm">float64[1]: squared norm of the combination, without another pass.</param>
    public static void OrthogonalCoefficients(Tensor products, Tensor directionSquaredNorm, double sign, double alpha, bool isNormalized,
        Tensor coefficients, Tensor combinedSquaredNorm) =>
        products.Backend.OrthogonalCoefficients(products, directionSquaredNorm, sign, alpha, isNormalized, coefficients,
            combinedSquaredNorm);

    /// <summary>Keeps a scalar such as a loss on the device, to be read later: last = factor·value; sum += last.</summary>
    /// <param name="value">One float32 or float64 number.</param>
    /// <param name="factor">1, or -1 to change the sign.</param>
    /// <param name="last">float64[1].</param>
    /// <param name="sum">float64[1].</param>
    public static void Record(Tensor value, double factor, Tensor last, Tensor sum)
    {
        using var range = Ranges.Operation(nameof(Record));
        if (value.Count != 1 || !value.DType.IsFloating())
            throw new ArgumentException($"A loss is one floating-point number, not {value}.");
        value.Backend.Record(value, factor, last, sum);
    }

    /// <summary>
    /// Adds the losses of a mini-batch to the sums behind an epoch's averages, weighted by its samples: sums 0 to 2 are Σ samples·loss,
    /// Σ samples·perturbLoss and Σ samples over the last chunks of the batches, as the reference averages them; sums 3 to 5 the same over
    /// all chunks. A batch counts only when the means over its chunks are finite; sum 6 counts the batches whose mean loss is not.
    /// </summary>
    /// <param name="losses">float64[4]: loss of the last chunk, sum over the chunks, and the same of the perturbation loss.</param>
    /// <param name="chunks">Chunks of the batch.</param>
    /// <param name="samples">Samples of the batch.</param>
    /// <param name="keep">float64[1]: 0 begins sums 0 to 2 anew.</param>
    /// <param name="sums">float64[7].</param>
    public static void AddLosses(Tensor losses, int chunks, long samples, Tensor keep, Tensor sums) =>
        sums.Backend.AddLosses(losses, chunks, samples, keep, sums);

    /// <summary>flag = 0 where an element is infinite or not a number, else it stays.</summary>
    /// <param name="x">Floating-point numbers.</param>
    /// <param name="flag">float64[1].</param>
    public static void RequireFinite(Tensor x, Tensor flag)
    {
        using var range = Ranges.Operation(nameof(RequireFinite));
        x.Backend.RequireFinite(x, flag);
    }

    /// <summary>y = x where the flag is 0, else y stays.</summary>
    /// <param name="flag">float64[1].</param>
    /// <param name="x">Saved values.</param>
    /// <param name="y">Type and count of <paramref name="x"/>.</param>
    public static void CopyIfZero(Tensor flag, Tensor x, Tensor y)
    {
        using var range = Ranges.Operation(nameof(CopyIfZero));
        Same(x, y);
        x.Backend.CopyIfZero(flag, x, y);
    }

    /// <summary>
    /// Decides about an update: it proceeds when the flag is set and the norm is finite. Then the number of updates grows by one and the
    /// gradient's factor becomes min(1, maxNorm / (norm + 1e-6)); otherwise the number of skipped updates grows and
    /// <see cref="SgdUpdate"/> and <see cref="AdamUpdate"/> change nothing.
    /// </summary>
    /// <param name="squaredNorm">float64[1]: of the gradient.</param>
    /// <param name="flag">float64[1]: 0 when something before was not finite.</param>
    /// <param name="maxNorm">Limit of the norm; 0 or less for none.</param>
    /// <param name="control">What is filled.</param>
    public static void BeginUpdate(Tensor squaredNorm, Tensor flag, double maxNorm, UpdateControl control) =>
        control.Values.Backend.BeginUpdate(squaredNorm, flag, maxNorm, control);

    /// <summary>
    /// SGD with momentum: v = momentum·v + g; w -= lr·v. Reads 12 bytes and writes 8 with momentum, 8 and 4 without; a second gradient
    /// buffer costs 4 more. A buffer of zeros makes the first step v = g.
    /// </summary>
    /// <param name="layout">Layout and weight decay.</param>
    /// <param name="gradient">g before it is scaled by the control block.</param>
    /// <param name="momentum">v, flat; none when the rule has no momentum.</param>
    /// <param name="rule">Numbers of the method.</param>
    /// <param name="control">Learning rate, factor of the gradient, whether to proceed.</param>
    public static void SgdUpdate(MultiTensorLayout layout, in UpdateGradient gradient, Tensor? momentum, in SgdRule rule,
        UpdateControl control)
    {
        using var range = Ranges.Operation(nameof(SgdUpdate));
        Check(layout, gradient);
        if (momentum is not null)
            Flat(layout, momentum);
        Backend(layout).SgdUpdate(layout, layout.Arena.Weights, gradient, momentum, rule, control);
    }

    /// <summary>
    /// Adam: m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; w -= lr/(1-β₁ᵗ)·m / (√v/√(1-β₂ᵗ) + ε). Reads 16 bytes, writes 12; a second gradient
    /// buffer costs 4 more.
    /// </summary>
    /// <param name="layout">Layout and weight decay.</param>
    /// <param name="gradient">g before it is scaled by the control block.</param>
    /// <param name="first">m, flat.</param>
    /// <param name="second">v, flat.</param>
    /// <param name="rule">Numbers of the method.</param>
    /// <param name="control">Learning rate, step number, factor of the gradient, whether to proceed.</param>
    public static void AdamUpdate(MultiTensorLayout layout, in UpdateGradient gradient, Tensor first, Tensor second, in AdamRule rule,
        UpdateControl control)
    {
        using var range = Ranges.Operation(nameof(AdamUpdate));
        Check(layout, gradient);
        Flat(layout, first);
        Flat(layout, second);
        Backend(layout).AdamUpdate(layout, layout.Arena.Weights, gradient, first, second, rule, control);
    }

    static Backends.Backend Backend(MultiTensorLayout layout) => layout.Arena.Weights.Backend;

    static void Check(MultiTensorLayout layout, in UpdateGradient gradient)
    {
        Flat(layout, gradient.Values);
        if (gradient.Direction is null)
            return;
        Flat(layout, gradient.Direction);
        Numbers(layout, gradient.Coefficients ?? throw new ArgumentException("A gradient of two buffers needs their coefficients."), 2);
    }

    static Tensor Weights(MultiTensorLayout layout, Tensor? weights)
    {
        if (weights is null)
            return layout.Arena.Weights;
        Flat(layout, weights);
        return weights;
    }

    static void Flat(MultiTensorLayout layout, Tensor x) => Same(x, layout.Arena.Weights);

    static void Numbers(MultiTensorLayout layout, Tensor x, long count)
    {
        if (x.DType != DType.Float64 || x.Count != count || x.Device != layout.Arena.Weights.Device)
            throw new ArgumentException($"Expected {count} float64 numbers on {layout.Arena.Weights.Device}, not {x}.");
    }

    static void Same(Tensor x, Tensor y)
    {
        if (x.Count != y.Count || x.DType != y.DType || x.Device != y.Device)
            throw new ArgumentException($"{x} does not have the type, count and device of {y}.");
    }
}
