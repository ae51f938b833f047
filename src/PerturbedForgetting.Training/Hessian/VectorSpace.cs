using System.Numerics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// Vectors with one element a trained parameter: flat buffers of an arena, which stay on its device. Sums are accumulated in float64 in
/// an order fixed by the layout, so that results repeat bit for bit. Buffers that are given back are used again, and go back to the arena
/// with the space.
/// </summary>
sealed class VectorSpace : IDisposable
{
    /// <summary>Passes of orthogonalisation: two make a vector orthogonal to rounding unless next to nothing is left of it, and a third
    /// and more follow then (Giraud et al., Numerische Mathematik 101, 2005).</summary>
    const int MostPasses = 5;

    // x·x, x·y, y·y.
    const int SumsOfAPair = 3;

    readonly MultiTensorLayout layout;
    readonly List<Tensor> buffers = [];
    readonly Stack<Tensor> spare = [];
    readonly Tensor number;
    Tensor sums;

    /// <param name="layout">Which elements there are.</param>
    public VectorSpace(MultiTensorLayout layout)
    {
        this.layout = layout;
        number = Tensor.Persistent([1], DType.Float64, layout.Arena.Weights.Device);
        sums = Sums(1);
        Dimension = layout.Arena.Segments.Where(static s => s.Parameter.IsTrainable).Sum(static s => s.Count);
    }

    /// <summary>Trained numbers of the model.</summary>
    public long Dimension { get; }

    /// <summary>Vectors that were needed at once, so far.</summary>
    public int Buffers => buffers.Count;

    /// <summary>The layout of the vectors.</summary>
    public MultiTensorLayout Layout => layout;

    /// <summary>The smallest part of a vector's length that is more than rounding.</summary>
    public double Rounding => layout.Arena.Weights.DType == DType.Float64 ? 1e-14 : 2e-6;

    /// <summary>A vector of undefined content, zero between the parameters.</summary>
    public Tensor Rent()
    {
        if (spare.TryPop(out Tensor? buffer))
            return buffer;
        Tensor made = layout.Arena.NewBuffer();
        buffers.Add(made);
        return made;
    }

    /// <summary>Gives a vector back.</summary>
    public void Return(Tensor vector) => spare.Push(vector);

    /// <summary>Gives vectors back.</summary>
    public void Return(IEnumerable<Tensor> vectors)
    {
        foreach (Tensor vector in vectors)
            Return(vector);
    }

    /// <summary>(x·x, x·y, y·y) in one pass.</summary>
    public (double XX, double XY, double YY) Products(Tensor x, Tensor y)
    {
        MultiTensorOps.Products(layout, x, y, Weighting.None, sums.Rows(0, 1));
        double[] values = sums.Rows(0, 1).ToArray<double>();
        return (values[0], values[1], values[2]);
    }

    /// <summary>Products of each vector of a basis with one; waits for the device once.</summary>
    public double[] Dots(IReadOnlyList<Tensor> basis, Tensor x)
    {
        if (basis.Count == 0)
            return [];
        if (sums.Shape[0] < basis.Count)
        {
            sums.Dispose();
            sums = Sums((int)BitOperations.RoundUpToPowerOf2((uint)basis.Count));
        }
        for (int i = 0; i < basis.Count; i++)
            MultiTensorOps.Products(layout, basis[i], x, Weighting.None, sums.Rows(i, 1));
        double[] all = sums.Rows(0, basis.Count).ToArray<double>(), dots = new double[basis.Count];
        for (int i = 0; i < dots.Length; i++)
            dots[i] = all[(SumsOfAPair * i) + 1];
        return dots;
    }

    /// <summary>Length of a vector.</summary>
    /// <exception cref="ArithmeticException">It is infinite or not a number.</exception>
    public double Norm(Tensor x)
    {
        MultiTensorOps.SquaredNorm(layout, x, Weighting.None, number);
        double squared = number.Item();
        return double.IsFinite(squared) ? Math.Sqrt(squared)
            : throw new ArithmeticException("A product with the Hessian is not finite: the loss of these weights overflows.");
    }

    /// <summary>x ← factor·x.</summary>
    public void Scale(Tensor x, double factor) => MultiTensorOps.Combine(layout, new(x), factor, accumulate: false, x);

    /// <summary>y ← y + factor·x.</summary>
    public void Add(Tensor y, double factor, Tensor x) => MultiTensorOps.Combine(layout, new(x), factor, accumulate: true, y);

    /// <summary>y ← Σ coefficients[i]·basis[i].</summary>
    public void Sum(IReadOnlyList<Tensor> basis, ReadOnlySpan<double> coefficients, Tensor y)
    {
        for (int i = 0; i < basis.Count; i++)
            MultiTensorOps.Combine(layout, new(basis[i]), coefficients[i], accumulate: i > 0, y);
    }

    /// <summary>Takes what lies in the span of an orthonormal basis out of a vector (classical Gram and Schmidt, repeated).</summary>
    /// <param name="x">The vector; afterwards its part orthogonal to the basis, or zero where that is no more than rounding.</param>
    /// <param name="basis">Vectors of length 1, orthogonal to each other.</param>
    /// <returns>The coefficients of what was taken out, and the length of what is left; 0 where that is no more than rounding.</returns>
    /// <exception cref="ArithmeticException">A number is not finite.</exception>
    public (double[] Coefficients, double Length) Orthogonalize(Tensor x, IReadOnlyList<Tensor> basis)
    {
        double whole = Norm(x), before = whole;
        double[] coefficients = new double[basis.Count];
        for (int pass = 0; pass < MostPasses && before > Rounding * whole; pass++)
        {
            double[] dots = Dots(basis, x);
            for (int i = 0; i < dots.Length; i++)
            {
                Add(x, -dots[i], basis[i]);
                coefficients[i] += dots[i];
            }
            double left = Norm(x);
            if (left > 0.7 * before)
                return (coefficients, left);
            before = left;
        }
        return (coefficients, 0);
    }

    /// <summary>A random direction of length 1, orthogonal to a basis that does not fill the space.</summary>
    /// <param name="basis">Vectors of length 1, orthogonal to each other.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="draw">Which of the directions of that seed.</param>
    public Tensor Random(IReadOnlyList<Tensor> basis, ulong seed, ulong draw)
    {
        Tensor x = Rent();
        for (; ; draw += 1UL << 32)
        {
            MultiTensorOps.FillNormal(layout, x, seed, Streams.Probe + draw);
            Scale(x, 1 / Norm(x));
            (_, double length) = Orthogonalize(x, basis);
            if (length > 0)
            {
                Normalize(x, length, basis);
                return x;
            }
        }
    }

    /// <summary>Brings a vector that <see cref="Orthogonalize"/> has left to length 1. Of a short one the rounding is long: it is
    /// orthogonalised again.</summary>
    public void Normalize(Tensor x, double length, IReadOnlyList<Tensor> basis)
    {
        Scale(x, 1 / length);
        double[] dots = Dots(basis, x);
        for (int i = 0; i < dots.Length; i++)
            Add(x, -dots[i], basis[i]);
        Scale(x, 1 / Norm(x));
    }

    /// <summary>Frees the vectors, those too that are still in use, and the sums.</summary>
    public void Dispose()
    {
        foreach (Tensor buffer in buffers)
            layout.Arena.Free(buffer);
        buffers.Clear();
        spare.Clear();
        sums.Dispose();
        number.Dispose();
    }

    Tensor Sums(int rows) => Tensor.Persistent([rows, SumsOfAPair], DType.Float64, layout.Arena.Weights.Device);
}
