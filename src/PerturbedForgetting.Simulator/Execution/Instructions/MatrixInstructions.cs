using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Matrix products of a warp, D = A·B + C (PTX ISA, "mma.sync", fragments of m16n8k4, m16n8k8 and m16n8k16), added up as
/// <see cref="TensorCoreSum"/> says. Cards differ in their last bits, so that results agree within its error, not in every bit.</summary>
static unsafe class MatrixInstructions
{
    const int M = 16, N = 8;

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("mma", "mma.sync.aligned.m16n8k{4|8}.row.col.f32.tf32.tf32.f32, "
            + "mma.sync.aligned.m16n8k{8|16}.row.col.f32.{f16.f16|bf16.bf16}.f32, mma.sync.aligned.m16n8k{8|16}.row.col.f16.f16.f16.f16 d, "
            + "a, b, c", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Modifiers is not ["sync", "aligned", "m16n8k4" or "m16n8k8" or "m16n8k16", "row", "col", "f32" or "f16", "tf32"
            or "f16" or "bf16", var other, var sum]
            || other != instruction.Modifiers[6] || sum != instruction.Modifiers[5] || (sum == "f16" && other != "f16"))
            throw context.Unknown();
        int k = int.Parse(instruction.Modifiers[2].AsSpan("m16n8k".Length), CultureInfo.InvariantCulture);
        PtxType type = PtxTypes.Parse(other), sumType = PtxTypes.Parse(sum);
        if (k != (type == PtxType.TF32 ? k == 4 ? 4 : 8 : k == 8 ? 8 : 16))
            throw context.Unknown();
        // Two 16-bit elements stand in a register, one of 32 bits.
        int perRegister = type == PtxType.TF32 ? 1 : 2, registersA = M * k / Warp.Lanes / perRegister,
            registersB = N * k / Warp.Lanes / perRegister, registersC = sumType == PtxType.F32 ? 4 : 2;
        int[] counts = [registersC, registersA, registersB, registersC];
        int* operands = context.Operands(counts.Sum());
        int at = 0;
        for (int o = 0; o < 4; o++)
        {
            IReadOnlyList<PtxOperand> elements = context.Operand(o) is PtxVector vector ? vector.Elements : [context.Operand(o)];
            if (elements.Count != counts[o])
                throw context.Error($"operand {o + 1} has {elements.Count} registers, not {counts[o]}");
            PtxType register = o is 0 or 3 && sumType == PtxType.F32 ? PtxType.F32 : PtxType.B32;
            foreach (PtxOperand element in elements)
                operands[at++] = o == 0 ? context.Destination(element, register) : context.Source(element, register);
        }
        ref Instruction i = ref context.Emit(&Multiply, InstructionClass.Matrix);
        i.Operands = operands;
        (i.A, i.B, i.C, i.D, i.Immediate) = (registersA, registersB, k, (int)sumType, (int)type);
    }

    static void Multiply(Warp warp, Instruction* i, uint mask)
    {
        if (mask != uint.MaxValue)
            throw warp.Fault(i, FaultKind.WrongShuffle, $"all 32 lanes must execute a matrix product, here are 0x{mask:x8}",
                BitOperations.TrailingZeroCount(~mask));
        var sumType = (PtxType)i->D;
        int k = i->C;
        int* d = i->Operands, fragmentA = d + (sumType == PtxType.F32 ? 4 : 2), fragmentB = fragmentA + i->A, c = fragmentB + i->B;
        double* a = stackalloc double[M * 16], b = stackalloc double[16 * N], sums = stackalloc double[M * N];
        delegate*<Warp, Instruction*, int*, int*, double*, double*, void> gather = (PtxType)i->Immediate switch
        {
            PtxType.TF32 => &Gather<Tf32>,
            PtxType.F16 => &Gather<Half16>,
            _ => &Gather<BFloat16>,
        };
        gather(warp, i, fragmentA, fragmentB, a, b);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            for (int e = 0; e < 4; e++)
                sums[Accumulator(lane, e)] = sumType == PtxType.F32
                    ? ((float*)warp.Words(c[e]))[lane]
                    : FloatFormat.Widen(PtxType.F16, warp.Words(c[e >> 1])[lane] >> (16 * (e & 1)));
        }
        int atOnce = (PtxType)i->Immediate == PtxType.TF32 ? TensorCoreSum.TermsOfTf32 : TensorCoreSum.TermsOf16Bits;
        for (int row = 0; row < M; row++)
        {
            for (int column = 0; column < N; column += Vector256<double>.Count)
            {
                double* sum = sums + (row * N) + column;
                TensorCoreSum.Add(Vector256.Load(sum), a + (row * k), b + column, N, k, atOnce).Store(sum);
            }
        }
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            for (int e = 0; e < 4; e++)
            {
                if (sumType == PtxType.F32)
                    ((float*)warp.Words(d[e]))[lane] = (float)sums[Accumulator(lane, e)];
                else
                    ((ushort*)warp.Words(d[e >> 1]))[(2 * lane) + (e & 1)] = FloatFormat.ToHalf(sums[Accumulator(lane, e)]);
            }
        }
    }

    /// <summary>The matrices A (16 by k) and B (k by 8), row by row, out of the lanes' fragments.</summary>
    static void Gather<T>(Warp warp, Instruction* i, int* fragmentA, int* fragmentB, double* a, double* b) where T : struct, IElement
    {
        for (int register = 0; register < i->A; register++)
        {
            // Rows alternate by 8 with each register of the low columns, then of the high ones.
            double* to = a + (8 * (register & 1) * i->C) + ((register >> 1) * 4 * T.PerRegister);
            uint* from = warp.Words(fragmentA[register]);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                for (int part = 0; part < T.PerRegister; part++)
                    to[((lane >> 2) * i->C) + ((lane & 3) * T.PerRegister) + part] = T.Read(from[lane], part);
            }
        }
        for (int register = 0; register < i->B; register++)
        {
            double* to = b + (register * 4 * T.PerRegister * N);
            uint* from = warp.Words(fragmentB[register]);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                for (int part = 0; part < T.PerRegister; part++)
                    to[((((lane & 3) * T.PerRegister) + part) * N) + (lane >> 2)] = T.Read(from[lane], part);
            }
        }
    }

    /// <summary>Place of a lane's element of C and D, row by row.</summary>
    static int Accumulator(int lane, int element) => (((lane >> 2) + (8 * (element >> 1))) * N) + ((lane & 3) * 2) + (element & 1);

    /// <summary>An element of a factor: how many stand in a register, and the value of one.</summary>
    interface IElement
    {
        static abstract int PerRegister { get; }

        static abstract double Read(uint register, int part);
    }

    readonly struct Tf32 : IElement
    {
        public static int PerRegister => 1;

        /// <summary>The low 13 bits of a tf32 operand are not read.</summary>
        public static double Read(uint register, int part) => BitConverter.UInt32BitsToSingle(register & 0xffff_e000);
    }

    readonly struct Half16 : IElement
    {
        public static int PerRegister => 2;

        public static double Read(uint register, int part) => (double)BitConverter.UInt16BitsToHalf((ushort)(register >> (16 * part)));
    }

    readonly struct BFloat16 : IElement
    {
        public static int PerRegister => 2;

        public static double Read(uint register, int part) => BitConverter.UInt32BitsToSingle(register >> (16 * part) << 16);
    }
}
