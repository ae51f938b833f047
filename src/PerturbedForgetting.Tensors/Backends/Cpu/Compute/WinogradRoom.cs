using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>What a task of a tile's transforms needs beside its operands: the tile between the two axes, aligned to a line of a cache,
/// pointers to its pixels, and zeros.</summary>
readonly unsafe struct WinogradRoom<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // The pixels of the largest tiles.
    const int Most = 36;

    // Of as many vectors of the widest kind.
    const int BufferBytes = Most * 64, PointerBytes = Most * 8;

    /// <summary>Room for 36 vectors.</summary>
    public readonly T* Buffer;

    /// <summary>Room for 36 pointers.</summary>
    public readonly T** Pixels;

    /// <summary>As many zeros as were asked for.</summary>
    public readonly T* Zeros;

    /// <summary>The calling thread's; valid until it takes the next.</summary>
    public WinogradRoom(int zeros)
    {
        byte* room = Scratch.Get<byte>(ScratchUse.Tile, BufferBytes + PointerBytes + ((long)zeros * sizeof(T)));
        Buffer = (T*)room;
        Pixels = (T**)(room + BufferBytes);
        Zeros = (T*)(room + BufferBytes + PointerBytes);
        Lanes.Clear(Zeros, zeros);
    }
}
