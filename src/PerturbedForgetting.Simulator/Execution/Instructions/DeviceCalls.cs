using System.Numerics;
using System.Text;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The functions that a real driver gives to device code: <c>vprintf</c> and <c>__assertfail</c> (CUDA C++ Programming Guide,
/// "Formatted Output", "Assertion").</summary>
static unsafe class DeviceCalls
{
    const int LongestText = 4096;

    /// <summary>Lowers a call of one of them; false when it is none.</summary>
    public static bool TryLower(Lowering context, string name, IReadOnlyList<PtxOperand> results, IReadOnlyList<PtxOperand> arguments)
    {
        int[]? sizes = name switch
        {
            "vprintf" => [8, 8],
            "__assertfail" => [8, 8, 4, 8, 8],
            _ => null,
        };
        if (sizes is null)
            return false;
        if (arguments.Count != sizes.Length || results.Count > 1)
            throw context.Error($"{name} takes {sizes.Length} arguments and has at most one result");
        int* places = context.Operands(sizes.Length);
        for (int a = 0; a < sizes.Length; a++)
            places[a] = Place(context, arguments[a], sizes[a]);
        int result = results.Count == 0 ? -1 : Place(context, results[0], sizeof(int));
        ref Instruction i = ref context.Emit(name == "vprintf" ? &Print : &Fail, InstructionClass.Other);
        i.Operands = places;
        i.Destination = result;
        if (name != "vprintf")
            i.Flow = Flow.Trap;
        return true;
    }

    static int Place(Lowering context, PtxOperand operand, int size)
    {
        Symbol symbol = context.Argument(operand);
        return symbol.Space == StateSpace.Local && symbol.Size == size
            ? (int)symbol.Address
            : throw context.Error($"the argument has {symbol.Size} bytes, not {size}");
    }

    static T Argument<T>(Warp warp, Instruction* i, int argument, int lane) where T : unmanaged =>
        *(T*)Local(warp, lane, i->Operands[argument]);

    static string TextOf(Warp warp, Instruction* i, int argument, int lane) =>
        Text(warp, i, Argument<ulong>(warp, i, argument, lane), lane);

    static byte* Local(Warp warp, int lane, int offset) => warp.Worker.Local.Data((warp.Index * Warp.Lanes) + lane) + offset;

    static void Print(Warp warp, Instruction* i, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            string format = TextOf(warp, i, 0, lane);
            var arguments = new PrintArguments(warp, i, Argument<ulong>(warp, i, 1, lane), lane);
            warp.Worker.Print(PrintFormat.Apply(format, arguments, out int count));
            if (i->Destination < 0)
                continue;
            *(int*)Local(warp, lane, i->Destination) = count;
            warp.Worker.Local.Mark((warp.Index * Warp.Lanes) + lane, i->Destination, sizeof(int), isDefined: true);
        }
    }

    static void Fail(Warp warp, Instruction* i, uint mask)
    {
        int lane = BitOperations.TrailingZeroCount(mask);
        string message = TextOf(warp, i, 0, lane), file = TextOf(warp, i, 1, lane), function = TextOf(warp, i, 3, lane);
        uint line = Argument<uint>(warp, i, 2, lane);
        throw warp.Fault(i, FaultKind.Assert, $"{file}:{line}: {function}: assertion `{message}` failed", lane);
    }

    /// <summary>A text that ends at a zero, at a generic address.</summary>
    public static string Text(Warp warp, Instruction* i, ulong address, int lane)
    {
        if (address == 0)
            return "(null)";
        var bytes = new List<byte>();
        for (; bytes.Count < LongestText; address++)
        {
            byte next = *At(warp, i, address, sizeof(byte), lane);
            if (next == 0)
                break;
            bytes.Add(next);
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The bytes at a generic address, checked.</summary>
    public static byte* At(Warp warp, Instruction* i, ulong address, int bytes, int lane)
    {
        if (AddressWindows.IsLocal(address))
            return Local(warp, lane, (int)SharedAccess.CheckLocal(warp, i, warp.Worker.Local, address - AddressWindows.Local, bytes, lane));
        if (AddressWindows.IsShared(address))
        {
            uint at = SharedAccess.Check(warp, i, warp.Worker.Shared, address - AddressWindows.Shared, bytes, lane);
            return warp.Worker.Shared.Data + at;
        }
        MemoryAccess.RequireWritten(warp, i, MemoryAccess.Find(warp, i, address, bytes, lane), address, bytes, lane);
        return (byte*)address;
    }
}

/// <summary>The arguments behind a format, one behind the other as a C compiler lays out a structure of them.</summary>
unsafe ref struct PrintArguments(Warp warp, Instruction* instruction, ulong address, int lane)
{
    ulong next = address;

    /// <summary>The next argument.</summary>
    public T Next<T>() where T : unmanaged
    {
        ulong at = (next + (ulong)sizeof(T) - 1) & ~((ulong)sizeof(T) - 1);
        next = at + (ulong)sizeof(T);
        return *(T*)DeviceCalls.At(warp, instruction, at, sizeof(T), lane);
    }

    /// <summary>The text that the next argument points to.</summary>
    public string NextText() => DeviceCalls.Text(warp, instruction, Next<ulong>(), lane);
}
