using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads of 8x8 matrices of 16-bit elements from shared memory (PTX ISA, "ldmatrix"). Lanes 8m to 8m+7 give the addresses of
/// the rows of matrix m; each lane receives two elements of every matrix, as mma wants them.</summary>
[SkipLocalsInit]
static unsafe class MatrixLoadInstructions
{
    const int Rows = 8, RowBytes = 16;

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("ldmatrix", "ldmatrix.sync.aligned.m8n8.{x1|x2|x4}{.trans}{.shared{::cta}}.b16 r, [p]", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        string[] words = [.. instruction.Modifiers.Where(m => m is not "trans" and not "shared" and not "shared::cta")];
        if (words is not ["sync", "aligned", "m8n8", "x1" or "x2" or "x4", "b16"])
            throw context.Unknown();
        int count = words[3][1] - '0';
        IReadOnlyList<PtxOperand> elements = context.Operand(0) is PtxVector vector ? vector.Elements : [context.Operand(0)];
        if (elements.Count != count)
            throw context.Error($"{elements.Count} registers stand where {count} must");
        int* registers = context.Operands(count);
        for (int m = 0; m < count; m++)
            registers[m] = context.DestinationOrSink(elements[m], PtxType.B32);
        ref Instruction i = ref context.Emit(&Load, InstructionClass.Load);
        MemoryAccess.SetAddress(context, ref i, context.Operand(1));
        i.Operands = registers;
        bool isGeneric = !instruction.Modifiers.Any(m => m.StartsWith("shared", StringComparison.Ordinal));
        (i.C, i.B, i.D) = (count, instruction.Modifiers.Contains("trans") ? 1 : 0, isGeneric ? 1 : 0);
    }

    static void Load(Warp warp, Instruction* i, uint mask)
    {
        if (mask != uint.MaxValue)
            throw warp.Fault(i, FaultKind.WrongShuffle, $"all 32 lanes must execute ldmatrix, here are 0x{mask:x8}",
                BitOperations.TrailingZeroCount(~mask));
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        int lanes = Rows * i->C;
        uint used = lanes == Warp.Lanes ? uint.MaxValue : (1u << lanes) - 1;
        if (i->D != 0 && (used & ~SharedAccess.Spaces(addresses, used).Shared) is var foreign && foreign != 0)
            throw warp.Fault(i, FaultKind.OutOfBounds, "ldmatrix reads shared memory only; the address is of another space",
                BitOperations.TrailingZeroCount(foreign));
        SharedMemory shared = warp.Worker.Shared;
        var rows = stackalloc ushort*[Warp.Lanes];
        for (int lane = 0; lane < lanes; lane++)
        {
            uint address = SharedAccess.Check(warp, i, shared, addresses[lane], RowBytes, lane);
            SharedAccess.NoteRead(warp, i, shared, address, RowBytes, lane);
            rows[lane] = (ushort*)(shared.Data + address);
        }
        MemoryAccess.CountBanks(warp, i, addresses, used, RowBytes);
        for (int m = 0; m < i->C; m++)
        {
            if (i->Operands[m] < 0)
                continue;
            uint* to = warp.Words(i->Operands[m]);
            ushort** matrix = rows + (m * Rows);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                int outer = lane / 4, inner = lane % 4 * 2;
                to[lane] = i->B != 0
                    ? matrix[inner][outer] | (uint)matrix[inner + 1][outer] << 16
                    : matrix[outer][inner] | (uint)matrix[outer][inner + 1] << 16;
            }
        }
    }
}
