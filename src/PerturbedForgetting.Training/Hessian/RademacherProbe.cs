using System.Numerics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// Vectors of independent signs, +1 or -1 with probability 1/2 each: of all random vectors with E zzᵀ = I those whose zᵀHz varies least.
/// They are made on the host, from the seed, the number of the vector and the place of the element alone.
/// </summary>
/// <param name="seed">Seed.</param>
/// <param name="number">Which of its vectors.</param>
readonly struct RademacherProbe(ulong seed, ulong number)
{
    const int BitsOfABlock = 128;

    /// <summary>Writes the vector into a buffer of an arena; frozen parameters are zero.</summary>
    public void Fill(ParameterArena arena, Tensor buffer)
    {
        ulong block = 0;
        foreach (var segment in arena.Segments)
        {
            var slice = ParameterArena.Slice(buffer, segment);
            if (!segment.Parameter.IsTrainable)
                slice.Fill(0);
            else if (buffer.DType == DType.Float64)
                slice.CopyFrom<double>(Signs<double>(segment.Count, block));
            else
                slice.CopyFrom<float>(Signs<float>(segment.Count, block));
            block += Blocks(segment.Count);
        }
    }

    /// <summary>zᵀx of each trained parameter's part, in state-dictionary order.</summary>
    public double[] Dots(ParameterArena arena, Tensor buffer)
    {
        var dots = new List<double>();
        ulong block = 0;
        foreach (var segment in arena.Segments)
        {
            if (segment.Parameter.IsTrainable)
            {
                var slice = ParameterArena.Slice(buffer, segment);
                dots.Add(buffer.DType == DType.Float64
                    ? Dot(slice.ToArray<double>(), Signs<double>(segment.Count, block))
                    : Dot(slice.ToArray<float>(), Signs<float>(segment.Count, block)));
            }
            block += Blocks(segment.Count);
        }
        return [.. dots];
    }

    static ulong Blocks(long count) => (ulong)((count + BitsOfABlock - 1) / BitsOfABlock);

    T[] Signs<T>(long count, ulong block) where T : unmanaged, IFloatingPoint<T>
    {
        var philox = new Philox(seed, Streams.Probe + number);
        var signs = new T[count];
        for (int i = 0; i < signs.Length; i += BitsOfABlock, block++)
        {
            var (x, y, z, w) = philox.Block(block);
            Span<uint> words = [x, y, z, w];
            int bits = Math.Min(BitsOfABlock, signs.Length - i);
            for (int bit = 0; bit < bits; bit++)
                signs[i + bit] = ((words[bit >> 5] >> bit) & 1) == 0 ? T.One : -T.One;
        }
        return signs;
    }

    static double Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> signs) where T : unmanaged, IFloatingPoint<T>
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += double.CreateTruncating(x[i] * signs[i]);
        return sum;
    }
}
