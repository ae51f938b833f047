using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>An operation on one lane. Values narrower than 32 bits stand in the low bits of a 32-bit lane.</summary>
interface IUnary<T, TResult>
{
    static abstract TResult Apply(T a);
}

/// <inheritdoc cref="IUnary{T, TResult}"/>
interface IBinary<T, TB, TResult>
{
    static abstract TResult Apply(T a, TB b);
}

/// <inheritdoc cref="IUnary{T, TResult}"/>
interface ITernary<T, TC, TResult>
{
    static abstract TResult Apply(T a, T b, TC c);
}

/// <summary>An operation on a vector of lanes.</summary>
interface IVectorBinary<T>
{
    static abstract Vector256<T> Apply(Vector256<T> a, Vector256<T> b);
}

/// <inheritdoc cref="IVectorBinary{T}"/>
interface IVectorTernary<T>
{
    static abstract Vector256<T> Apply(Vector256<T> a, Vector256<T> b, Vector256<T> c);
}

/// <summary>A conversion of a vector of 32-bit lanes to 64-bit ones.</summary>
interface IVectorWiden<T, TWide>
{
    static abstract (Vector256<TWide> Lower, Vector256<TWide> Upper) Apply(Vector256<T> a);
}

/// <summary>Runs an operation over the lanes of a mask.</summary>
static unsafe class Lanes
{
    /// <summary>Distance of two lanes in bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Stride<T>() where T : unmanaged => sizeof(T) == 8 ? 8 : 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static ref T At<T>(byte* register, int lane) where T : unmanaged => ref *(T*)(register + (lane * Stride<T>()));

    public static void Unary<T, TResult, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TResult : unmanaged where TOperation : struct, IUnary<T, TResult>
    {
        byte* d = warp.Registers + i->Destination, a = warp.Registers + i->A;
        if (mask == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
                At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane));
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane));
        }
    }

    public static void Binary<T, TB, TResult, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TB : unmanaged where TResult : unmanaged where TOperation : struct, IBinary<T, TB, TResult>
    {
        byte* d = warp.Registers + i->Destination, a = warp.Registers + i->A, b = warp.Registers + i->B;
        if (mask == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
                At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane), At<TB>(b, lane));
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane), At<TB>(b, lane));
        }
    }

    public static void Ternary<T, TC, TResult, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TC : unmanaged where TResult : unmanaged where TOperation : struct, ITernary<T, TC, TResult>
    {
        byte* d = warp.Registers + i->Destination, a = warp.Registers + i->A, b = warp.Registers + i->B, c = warp.Registers + i->C;
        if (mask == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
                At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane), At<T>(b, lane), At<TC>(c, lane));
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            At<TResult>(d, lane) = TOperation.Apply(At<T>(a, lane), At<T>(b, lane), At<TC>(c, lane));
        }
    }

    public static void VectorBinary<T, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TOperation : struct, IVectorBinary<T>
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A), b = (T*)(warp.Registers + i->B);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
            Store(d + lane, TOperation.Apply(Vector256.Load(a + lane), Vector256.Load(b + lane)), mask, lane);
    }

    public static void VectorTernary<T, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TOperation : struct, IVectorTernary<T>
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A), b = (T*)(warp.Registers + i->B),
            c = (T*)(warp.Registers + i->C);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
            Store(d + lane, TOperation.Apply(Vector256.Load(a + lane), Vector256.Load(b + lane), Vector256.Load(c + lane)), mask, lane);
    }

    public static void VectorWiden<T, TWide, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TWide : unmanaged where TOperation : struct, IVectorWiden<T, TWide>
    {
        TWide* d = (TWide*)(warp.Registers + i->Destination);
        T* a = (T*)(warp.Registers + i->A);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
        {
            (Vector256<TWide> lower, Vector256<TWide> upper) = TOperation.Apply(Vector256.Load(a + lane));
            Store(d + lane, lower, mask, lane);
            Store(d + lane + Vector256<TWide>.Count, upper, mask, lane + Vector256<TWide>.Count);
        }
    }

    /// <summary>Writes the lanes of the mask from a vector that begins at a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T* to, Vector256<T> value, uint mask, int lane) where T : unmanaged
    {
        if (mask != uint.MaxValue)
            value = Vector256.ConditionalSelect(Selected<T>(mask >> lane), value, Vector256.Load(to));
        value.Store(to);
    }

    /// <summary>True when all lanes of a register hold a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreAll(uint* register, uint value)
    {
        Vector256<uint> differ = Vector256<uint>.Zero, expected = Vector256.Create(value);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<uint>.Count)
            differ |= Vector256.Load(register + lane) ^ expected;
        return differ == Vector256<uint>.Zero;
    }

    /// <summary>All ones in the lanes whose bit is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Selected<T>(uint bits) where T : unmanaged
    {
        if (sizeof(T) == 8)
        {
            Vector256<ulong> four = Vector256.Create(1ul, 2, 4, 8);
            return Vector256.Equals(Vector256.Create((ulong)bits) & four, four).As<ulong, T>();
        }
        Vector256<uint> eight = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.Equals(Vector256.Create(bits) & eight, eight).As<uint, T>();
    }
}
