using System.Numerics;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>Reductions of values in the memory of the hosts, in place.</summary>
static unsafe class HostReduction
{
    /// <summary>Reduces values, on the thread of MPI, when all members have come.</summary>
    /// <exception cref="MpiException">MPI fails.</exception>
    /// <exception cref="CommunicationException">It was aborted.</exception>
    public static void Run(MpiProcess process, nint group, int members, nint address, long count, DType type, ReduceOperation operation)
    {
        MpiConstants constants = process.Api.Constants;
        // MPI says nothing of NaN, and implementations keep one or lose it depending on the order.
        bool isOrdered = operation is ReduceOperation.Min or ReduceOperation.Max && type.IsFloating();
        nint mpiType = isOrdered ? (type == DType.Float32 ? constants.Int32 : constants.Int64) : constants.TypeOf(type);
        nint mpiOperation = operation switch
        {
            ReduceOperation.Min => constants.Min,
            ReduceOperation.Max => constants.Max,
            _ => constants.Sum,
        };
        int largest = process.LargestPart / type.Size();
        for (long first = 0; first < count; first += largest)
        {
            process.Thread.ThrowIfAborted();
            int length = (int)Math.Min(count - first, largest);
            nint part = address + (nint)(first * type.Size());
            if (isOrdered)
                ToKeys(part, length, type, operation == ReduceOperation.Max);
            process.Api.Check(process.Api.Call.Allreduce(constants.InPlace, part, length, mpiType, mpiOperation, group));
            if (isOrdered)
                FromKeys(part, length, type);
            else if (operation == ReduceOperation.Mean)
                Scale(part, length, type, members);
        }
    }

    static void Scale(nint part, int length, DType type, int members)
    {
        if (type == DType.Float32)
            Scale(new Span<float>((void*)part, length), 1f / members);
        else
            Scale(new Span<double>((void*)part, length), 1.0 / members);
    }

    static void Scale<T>(Span<T> values, T factor) where T : unmanaged, INumber<T>
    {
        Span<Vector<T>> vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        Vector<T> factors = new(factor);
        foreach (ref Vector<T> vector in vectors)
            vector *= factors;
        foreach (ref T value in values[(vectors.Length * Vector<T>.Count)..])
            value *= factor;
    }

    /// <summary>Replaces floats by integers of the same order, in which a NaN is what wins.</summary>
    static void ToKeys(nint part, int length, DType type, bool isMaximum)
    {
        if (type == DType.Float32)
        {
            int nan = isMaximum ? int.MaxValue : int.MinValue;
            foreach (ref int bits in new Span<int>((void*)part, length))
                bits = float.IsNaN(BitConverter.Int32BitsToSingle(bits)) ? nan : Mirror(bits);
        }
        else
        {
            long nan = isMaximum ? long.MaxValue : long.MinValue;
            foreach (ref long bits in new Span<long>((void*)part, length))
                bits = double.IsNaN(BitConverter.Int64BitsToDouble(bits)) ? nan : Mirror(bits);
        }
    }

    static void FromKeys(nint part, int length, DType type)
    {
        // The ends of the range come back as NaN: their bits are those of one.
        if (type == DType.Float32)
        {
            foreach (ref int bits in new Span<int>((void*)part, length))
                bits = Mirror(bits);
        }
        else
        {
            foreach (ref long bits in new Span<long>((void*)part, length))
                bits = Mirror(bits);
        }
    }

    // Negative floats grow with their distance from 0; the mirror image of the mirror image is what was there.
    static int Mirror(int bits) => bits < 0 ? bits ^ int.MaxValue : bits;

    static long Mirror(long bits) => bits < 0 ? bits ^ long.MaxValue : bits;
}
