using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// How many elements of a vector a kernel reads and writes, so that one source serves whole vectors and the end of a row.
/// Used as a type argument: the compiler makes a loop of its own for each.
/// </summary>
unsafe interface IVectorLanes
{
    Vector<T> Load<T>(T* source) where T : unmanaged;

    void Store<T>(Vector<T> value, T* destination) where T : unmanaged;
}

/// <summary>All of them.</summary>
readonly unsafe struct WholeVector : IVectorLanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Load<T>(T* source) where T : unmanaged => Vector.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<T>(Vector<T> value, T* destination) where T : unmanaged => value.Store(destination);
}

/// <summary>The first <paramref name="count"/>; the others are read as 0.</summary>
readonly unsafe struct PartOfVector(int count) : IVectorLanes
{
    public Vector<T> Load<T>(T* source) where T : unmanaged
    {
        var value = Vector<T>.Zero;
        Unsafe.CopyBlockUnaligned(&value, source, (uint)(count * sizeof(T)));
        return value;
    }

    public void Store<T>(Vector<T> value, T* destination) where T : unmanaged =>
        Unsafe.CopyBlockUnaligned(destination, &value, (uint)(count * sizeof(T)));
}
