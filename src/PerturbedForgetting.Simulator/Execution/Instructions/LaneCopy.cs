using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Moves a warp's data between memory, where lanes lie one behind the other, and registers, where they are apart by
/// element.</summary>
static unsafe class LaneCopy
{
    /// <summary>Loads the lanes of a checked access (see <see cref="MemoryAccess"/>) that lie as a pattern says.</summary>
    /// <param name="lead">The leading lane's place.</param>
    /// <param name="addresses">Addresses of the lanes, which begin at <paramref name="memory"/>.</param>
    public static void Load(Warp warp, Instruction* i, uint mask, AccessPattern* pattern, byte* lead, ulong* addresses, ulong memory = 0)
    {
        if (pattern->Shape == AccessShape.Consecutive)
            Load(warp, i, lead);
        else if (pattern->Shape == AccessShape.Uniform)
            MemoryAccess.Broadcast(warp, i, mask, lead);
        else if (mask == uint.MaxValue && IsFourWords(i) && Avx.IsSupported)
        {
            for (int lane = 0; lane < Warp.Lanes; lane += 8)
                Split(Rows(memory, addresses + lane), Rows(memory, addresses + lane + 1), Rows(memory, addresses + lane + 2),
                    Rows(memory, addresses + lane + 3), warp.Registers, i->Operands, lane);
        }
        else if (mask == uint.MaxValue && IsOneWord(i))
        {
            uint* to = warp.Words(i->Operands[0]);
            for (int lane = 0; lane < Warp.Lanes; lane++)
                to[lane] = *(uint*)(memory + addresses[lane]);
        }
        else
        {
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                MemoryAccess.ToRegisters(warp, i, (byte*)(memory + addresses[lane]), lane);
            }
        }
    }

    /// <summary>Stores the lanes of a checked access.</summary>
    /// <inheritdoc cref="Load(Warp, Instruction*, uint, AccessPattern*, byte*, ulong*, ulong)"/>
    public static void Store(Warp warp, Instruction* i, uint mask, AccessPattern* pattern, byte* lead, ulong* addresses, ulong memory = 0)
    {
        if (pattern->Shape == AccessShape.Consecutive)
            Store(warp, i, lead);
        else if (mask == uint.MaxValue && IsOneWord(i))
        {
            uint* from = warp.Words(i->Operands[0]);
            for (int lane = 0; lane < Warp.Lanes; lane++)
                *(uint*)(memory + addresses[lane]) = from[lane];
        }
        else
        {
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                MemoryAccess.FromRegisters(warp, i, (byte*)(memory + addresses[lane]), lane);
            }
        }
    }

    static bool IsOneWord(Instruction* i) => i->B == 4 && i->C == 1 && (i->Flags & (int)AccessFlags.WideData) == 0 && i->Operands[0] >= 0;

    static bool IsFourWords(Instruction* i) => i->B == 4 && i->C == 4 && (i->Flags & (int)AccessFlags.WideData) == 0
        && (i->Operands[0] | i->Operands[1] | i->Operands[2] | i->Operands[3]) >= 0;

    /// <summary>Loads all lanes of an access from consecutive memory.</summary>
    static void Load(Warp warp, Instruction* i, byte* from)
    {
        int* registers = i->Operands;
        bool isSigned = (i->Flags & (int)AccessFlags.Signed) != 0, isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        bool isWhole = registers[0] >= 0 && isWide == (i->B == 8);
        switch (isWhole ? (i->B, i->C) : (0, 0))
        {
            case (4, 1):
                Copy(from, warp.Registers + registers[0], 128);
                break;
            case (8, 1):
                Copy(from, warp.Registers + registers[0], 256);
                break;
            case (4, 2) when registers[1] >= 0:
                Split((ulong*)from, warp.Words(registers[0]), warp.Words(registers[1]));
                break;
            case (4, 4) when registers[1] >= 0 && registers[2] >= 0 && registers[3] >= 0 && Avx.IsSupported:
                for (int lane = 0; lane < Warp.Lanes; lane += 8, from += 128)
                    Split(Rows(from), Rows(from + 16), Rows(from + 32), Rows(from + 48), warp.Registers, registers, lane);
                break;
            case (2, 1):
                for (int lane = 0; lane < Warp.Lanes; lane += Vector256<uint>.Count)
                {
                    Vector128<ushort> narrow = Vector128.Load((ushort*)from + lane);
                    (isSigned ? Vector256.Create(Vector128.WidenLower(narrow.AsInt16()), Vector128.WidenUpper(narrow.AsInt16())).AsUInt32()
                        : Vector256.Create(Vector128.WidenLower(narrow), Vector128.WidenUpper(narrow)))
                        .Store(warp.Words(registers[0]) + lane);
                }
                break;
            default:
                for (int lane = 0; lane < Warp.Lanes; lane++, from += i->B * i->C)
                    MemoryAccess.ToRegisters(warp, i, from, lane);
                break;
        }
    }

    /// <summary>Stores all lanes of an access to consecutive memory.</summary>
    static void Store(Warp warp, Instruction* i, byte* to)
    {
        int* registers = i->Operands;
        switch ((i->Flags & (int)AccessFlags.WideData) != 0 == (i->B == 8) ? (i->B, i->C) : (0, 0))
        {
            case (4, 1):
                Copy(warp.Registers + registers[0], to, 128);
                break;
            case (8, 1):
                Copy(warp.Registers + registers[0], to, 256);
                break;
            case (4, 2):
                Join(warp.Words(registers[0]), warp.Words(registers[1]), (ulong*)to);
                break;
            case (4, 4) when Avx.IsSupported:
                Join(warp.Registers, registers, (float*)to);
                break;
            default:
                for (int lane = 0; lane < Warp.Lanes; lane++, to += i->B * i->C)
                    MemoryAccess.FromRegisters(warp, i, to, lane);
                break;
        }
    }

    static void Copy(byte* from, byte* to, int bytes)
    {
        for (int k = 0; k < bytes; k += 32)
            Vector256.Load(from + k).Store(to + k);
    }

    /// <summary>Pairs of words to two registers.</summary>
    static void Split(ulong* from, uint* low, uint* high)
    {
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            Vector256<ulong> first = Vector256.Load(from + lane), second = Vector256.Load(from + lane + 4);
            Vector256.Narrow(first, second).Store(low + lane);
            Vector256.Narrow(first >>> 32, second >>> 32).Store(high + lane);
        }
    }

    static void Join(uint* low, uint* high, ulong* to)
    {
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            Vector256<uint> a = Vector256.Load(low + lane), b = Vector256.Load(high + lane);
            (Vector256.WidenLower(a) | Vector256.WidenLower(b) << 32).Store(to + lane);
            (Vector256.WidenUpper(a) | Vector256.WidenUpper(b) << 32).Store(to + lane + 4);
        }
    }

    /// <summary>Groups of 4 words of 8 lanes to 4 registers; each half of a vector is a 4x4 transposition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Split(Vector256<float> first, Vector256<float> second, Vector256<float> third, Vector256<float> fourth, byte* file,
        int* registers, int lane)
    {
        (Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) = Transpose(first, second, third, fourth);
        a.Store((float*)(file + registers[0]) + lane);
        b.Store((float*)(file + registers[1]) + lane);
        c.Store((float*)(file + registers[2]) + lane);
        d.Store((float*)(file + registers[3]) + lane);
    }

    static void Join(byte* file, int* registers, float* to)
    {
        for (int lane = 0; lane < Warp.Lanes; lane += 8, to += 32)
        {
            (Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) = Transpose(
                Vector256.Load((float*)(file + registers[0]) + lane), Vector256.Load((float*)(file + registers[1]) + lane),
                Vector256.Load((float*)(file + registers[2]) + lane), Vector256.Load((float*)(file + registers[3]) + lane));
            Halves(a, to);
            Halves(b, to + 4);
            Halves(c, to + 8);
            Halves(d, to + 12);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Rows(byte* from) => Vector256.Create(Vector128.Load((float*)from), Vector128.Load((float*)(from + 64)));

    /// <summary>A lane and the fourth behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Rows(ulong memory, ulong* addresses) =>
        Vector256.Create(Vector128.Load((float*)(memory + addresses[0])), Vector128.Load((float*)(memory + addresses[4])));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Halves(Vector256<float> rows, float* to)
    {
        rows.GetLower().Store(to);
        rows.GetUpper().Store(to + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Transpose(Vector256<float> a,
        Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<double> low = Avx.UnpackLow(a, b).AsDouble(), nextLow = Avx.UnpackLow(c, d).AsDouble();
        Vector256<double> high = Avx.UnpackHigh(a, b).AsDouble(), nextHigh = Avx.UnpackHigh(c, d).AsDouble();
        return (Avx.UnpackLow(low, nextLow).AsSingle(), Avx.UnpackHigh(low, nextLow).AsSingle(), Avx.UnpackLow(high, nextHigh).AsSingle(),
            Avx.UnpackHigh(high, nextHigh).AsSingle());
    }
}
