using System.Collections;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors;

/// <summary>The extents of a row-major tensor, outermost first; up to six dimensions, a scalar has none.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    /// <summary>The most dimensions a tensor has.</summary>
    public const int MaxRank = 6;

    [InlineArray(MaxRank)]
    struct Extents
    {
        int first;
    }

    readonly Extents extents;

    /// <summary>Number of dimensions.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <param name="extents">Each at least 0, at most <see cref="MaxRank"/> of them.</param>
    /// <exception cref="ArgumentException">An extent is negative, there are too many, or their product exceeds 2^62.</exception>
    public Shape(params ReadOnlySpan<int> extents)
    {
        if (extents.Length > MaxRank)
            throw new ArgumentException($"A tensor has at most {MaxRank} dimensions, not {extents.Length}.");
        Rank = extents.Length;
        UInt128 count = 1;
        for (int i = 0; i < extents.Length; i++)
        {
            if (extents[i] < 0)
                throw new ArgumentException($"Extent {i} of a shape is negative: {extents[i]}.");
            this.extents[i] = extents[i];
            count *= (uint)extents[i];
        }
        if (count > 1UL << 62)
            throw new ArgumentException($"A shape has too many elements: {this}.");
        Count = (long)count;
    }

    /// <summary>Lets a shape be written as a collection: <c>Shape s = [2, 3];</c></summary>
    public static Shape Create(ReadOnlySpan<int> extents) => new(extents);

    /// <summary>The extent of a dimension; negative numbers count from the end.</summary>
    public int this[int dimension] => extents[Axis(dimension)];

    /// <summary>A dimension as a number from 0, where negative ones count from the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    public int Axis(int dimension)
    {
        int axis = dimension < 0 ? dimension + Rank : dimension;
        if ((uint)axis >= (uint)Rank)
            throw new ArgumentOutOfRangeException(nameof(dimension), $"Shape {this} has no dimension {dimension}.");
        return axis;
    }

    /// <summary>Product of the extents from <paramref name="start"/> up to but excluding <paramref name="end"/>.</summary>
    public long Product(int start, int end)
    {
        long product = 1;
        for (int i = start; i < end; i++)
            product *= extents[i];
        return product;
    }

    /// <summary>A number as an extent.</summary>
    /// <param name="value">The number.</param>
    /// <param name="what">What there are so many of, for the message: <c>rows of a matrix product</c>.</param>
    /// <exception cref="ArgumentException">It is more than an extent can be.</exception>
    public static int Extent(long value, string what) => value <= int.MaxValue
        ? (int)value
        : throw new ArgumentException($"{value} {what} are more than one extent of a tensor can be, {int.MaxValue}. Use a smaller batch, "
            + "smaller images or a smaller model.");

    /// <summary>The same shape with one extent replaced.</summary>
    public Shape With(int dimension, int extent)
    {
        Span<int> copy = stackalloc int[Rank];
        CopyTo(copy);
        copy[Axis(dimension)] = extent;
        return new Shape(copy);
    }

    /// <summary>Copies the extents.</summary>
    public void CopyTo(Span<int> destination)
    {
        for (int i = 0; i < Rank; i++)
            destination[i] = extents[i];
    }

    /// <summary>The extents as a new array.</summary>
    public int[] ToArray()
    {
        var array = new int[Rank];
        CopyTo(array);
        return array;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) =>
        Rank == other.Rank && ((ReadOnlySpan<int>)extents)[..Rank].SequenceEqual(((ReadOnlySpan<int>)other.extents)[..Rank]);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        for (int i = 0; i < Rank; i++)
            hash.Add(extents[i]);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Equal rank and extents.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different rank or extents.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>For example <c>[8, 224, 224, 3]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", ToArray())}]";
}
