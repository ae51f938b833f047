using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Matrix products against the PTX ISA: where each element of a fragment stands is stated element by element, as the ISA's tables
/// do, and the product is that of plain matrices.</summary>
public class MatrixTests
{
    /// <summary>One shape: PTX ISA, "Matrix Fragments for mma". A place is (row, column) of element <c>i</c> of the lane's
    /// fragment.</summary>
    sealed record Shape(string Name, int K, Format Format, Func<int, int, int, (int Row, int Column)> A, Func<int, int, int,
        (int Row, int Column)> B)
    {
        public bool IsTensor => Format == Format.Tensor;

        public int PerRegister => IsTensor ? 1 : 2;
    }

    // groupID = lane >> 2, threadID_in_group = lane % 4, then i.
    static readonly Shape[] shapes =
    [
        new("m16n8k4.row.col.f32.tf32.tf32.f32", 4, Format.Tensor, (group, thread, i) => (i == 0 ? group : group + 8, thread),
            (group, thread, _) => (thread, group)),
        new("m16n8k8.row.col.f32.tf32.tf32.f32", 8, Format.Tensor,
            (group, thread, i) => (i is 0 or 2 ? group : group + 8, i is 0 or 1 ? thread : thread + 4),
            (group, thread, i) => (i == 0 ? thread : thread + 4, group)),
        new("m16n8k8.row.col.f32.bf16.bf16.f32", 8, Format.Brain, A8, B8),
        new("m16n8k8.row.col.f32.f16.f16.f32", 8, Format.Half, A8, B8),
        new("m16n8k16.row.col.f32.bf16.bf16.f32", 16, Format.Brain, A16, B16),
        new("m16n8k16.row.col.f32.f16.f16.f32", 16, Format.Half, A16, B16),
        new("m16n8k8.row.col.f16.f16.f16.f16", 8, Format.Half, A8, B8),
        new("m16n8k16.row.col.f16.f16.f16.f16", 16, Format.Half, A16, B16),
    ];

    static (int, int) A8(int group, int thread, int i) => (i is 0 or 1 ? group : group + 8, (thread * 2) + (i & 1));

    static (int, int) B8(int group, int thread, int i) => ((thread * 2) + i, group);

    static (int, int) A16(int group, int thread, int i) =>
        (i is 0 or 1 or 4 or 5 ? group : group + 8, i < 4 ? (thread * 2) + (i & 1) : (thread * 2) + (i & 1) + 8);

    static (int, int) B16(int group, int thread, int i) => (i < 2 ? (thread * 2) + (i & 1) : (thread * 2) + (i & 1) + 8, group);

    static (int Row, int Column) C(int lane, int i) => (i < 2 ? lane >> 2 : (lane >> 2) + 8, (lane % 4 * 2) + (i & 1));

    [Test]
    public void ProductsOfMatrices()
    {
        foreach (Shape shape in shapes)
        {
            for (int round = 0; round < 8; round++)
                Verify(shape, isSmall: round < 4);
        }
    }

    /// <summary>Small whole numbers must come out exactly; others within what <see cref="TensorCoreSum"/> states: a step of 4 or 8 terms
    /// errs by 2⁻²³ of the greatest for each of them, for the sum so far and for the new one.</summary>
    static void Verify(Shape shape, bool isSmall)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        bool isHalfSum = shape.Name.EndsWith("f16", StringComparison.Ordinal);
        double Draw() => isSmall ? random.Next(-8, 9) : Math.ScaleB((random.NextDouble() * 2) - 1, random.Next(-3, 4));
        uint Encode(double value) => shape.IsTensor ? BitConverter.SingleToUInt32Bits((float)value)
            : shape.Format == Format.Half ? BitConverter.HalfToUInt16Bits((Half)value)
                : BitConverter.SingleToUInt32Bits((float)value) >> 16;
        double Decode(uint bits) => shape.IsTensor ? BitConverter.UInt32BitsToSingle(bits >> 13 << 13)
            : shape.Format == Format.Half ? (double)BitConverter.UInt16BitsToHalf((ushort)bits)
                : BitConverter.UInt32BitsToSingle(bits << 16);
        uint[,] a = new uint[16, shape.K], b = new uint[shape.K, 8];
        var c = new double[16, 8];
        foreach ((uint[,] matrix, int rows, int columns) in (ReadOnlySpan<(uint[,], int, int)>)[(a, 16, shape.K), (b, shape.K, 8)])
        {
            for (int index = 0; index < rows * columns; index++)
                matrix[index / columns, index % columns] = Encode(Draw());
        }
        for (int index = 0; index < 16 * 8; index++)
            c[index / 8, index % 8] = isHalfSum ? (double)(Half)Draw() : (float)Draw();

        int countA = 16 * shape.K / 32, countB = 8 * shape.K / 32, registersC = isHalfSum ? 2 : 4;
        var warp = new ulong[32][];
        for (int lane = 0; lane < 32; lane++)
        {
            uint[] fragmentA = Fragment(a, countA, i => shape.A(lane >> 2, lane % 4, i)),
                fragmentB = Fragment(b, countB, i => shape.B(lane >> 2, lane % 4, i));
            double Element(int i) => c[C(lane, i).Row, C(lane, i).Column];
            ulong[] fragmentC = isHalfSum
                ? [.. Enumerable.Range(0, 2).Select(r => (ulong)BitConverter.HalfToUInt16Bits((Half)Element(2 * r))
                    | ((ulong)BitConverter.HalfToUInt16Bits((Half)Element((2 * r) + 1)) << 16))]
                : [.. Enumerable.Range(0, 4).Select(i => (ulong)BitConverter.SingleToUInt32Bits((float)Element(i)))];
            warp[lane] = [.. Pack(fragmentA), .. Pack(fragmentB), .. fragmentC, .. new ulong[registersC]];
        }
        ulong[] Pack(uint[] elements) =>
            [.. elements.Chunk(shape.PerRegister).Select(part => part.Length == 1 ? part[0] : part[0] | ((ulong)part[1] << 16))];
        ulong[][] actual = Product(shape, warp, registersC);
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                (int row, int column) = C(lane, i);
                double exact = c[row, column], scale = Math.Abs(exact);
                for (int k = 0; k < shape.K; k++)
                {
                    double product = Decode(a[row, k]) * Decode(b[k, column]);
                    (exact, scale) = (exact + product, scale + Math.Abs(product));
                }
                double got = isHalfSum
                    ? (double)BitConverter.UInt16BitsToHalf((ushort)(actual[lane][i / 2] >> (16 * (i & 1))))
                    : BitConverter.UInt32BitsToSingle((uint)actual[lane][i]);
                double allowed = isSmall && !(isHalfSum && Math.Abs(exact) > 2048)
                    ? 0
                    : (isHalfSum ? Math.ScaleB(Math.Abs(exact) + scale, -11) : 0) + Math.ScaleB(scale * Steps(shape), -23);
                Assert.That(Math.Abs(got - exact), Is.LessThanOrEqualTo(allowed),
                    $"mma {shape.Name}: d[{row}, {column}] = {got:r} instead of {exact:r}; seed {seed}");
            }
        }
    }

    static int Steps(Shape shape) => shape.IsTensor ? shape.K / 4 * 6 : shape.K / 8 * 10;

    static uint[] Fragment(uint[,] matrix, int count, Func<int, (int Row, int Column)> place) =>
        [.. Enumerable.Range(0, count).Select(i => matrix[place(i).Row, place(i).Column])];

    /// <summary>Executes the product; D takes the registers of C, as loops over k do, and once registers of its own.</summary>
    static ulong[][] Product(Shape shape, ulong[][] warp, int registersC)
    {
        int registersA = 16 * shape.K / 32 / shape.PerRegister, registersB = 8 * shape.K / 32 / shape.PerRegister,
            sources = registersA + registersB + registersC;
        static string List(string register, int first, int count) =>
            $"{{{string.Join(", ", Enumerable.Range(first, count).Select(i => $"{register}{i}"))}}}";
        string a = List("%s", 0, registersA), b = List("%s", registersA, registersB), c = List("%s", registersA + registersB, registersC),
            d = List("%d", 0, registersC);
        string[] results = [.. Enumerable.Repeat("b32", registersC)], registers = [.. Enumerable.Repeat("b32", sources)];
        ulong[][] apart = InstructionRun.Execute($"mma.sync.aligned.{shape.Name} {d}, {a}, {b}, {c};", results, registers, warp, 32);
        string moves = string.Concat(Enumerable.Range(0, registersC).Select(i => $"mov.b32 %d{i}, %s{registersA + registersB + i}; "));
        ulong[][] inPlace = InstructionRun.Execute($"{moves} mma.sync.aligned.{shape.Name} {d}, {a}, {b}, {d};", results, registers, warp,
            32);
        Assert.That(inPlace, Is.EqualTo(apart), shape.Name);
        return apart;
    }

    [Test]
    public void APartOfAWarpIsAFault()
    {
        const string Body = "setp.lt.u32 %guard, %s0, 7; @%guard mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%d0, %d0, %d0, %d0}, "
            + "{%s0, %s0}, {%s0}, {%s0, %s0, %s0, %s0};";
        ulong[][] rows = [.. Enumerable.Range(0, 32).Select(lane => (ulong[])[(ulong)lane, 0])];
        var fault = Assert.Throws<DeviceFault>(() => InstructionRun.Execute(Body, ["b32"], ["b32"], rows, 32));
        Assert.That(fault!.Message, Does.Contain("all 32 lanes").And.Contain("0x0000007f"));
    }

    [TestCase("m16n8k8.row.col.f16.bf16.bf16.f16")]
    [TestCase("m16n8k32.row.col.f32.bf16.bf16.f32")]
    [TestCase("m16n8k16.row.col.f32.tf32.tf32.f32")]
    [TestCase("m16n8k16.col.col.f32.f16.f16.f32")]
    public void AnUnknownShapeIsTold(string shape) =>
        Assert.That(Assert.Throws<PerturbedForgetting.Simulator.Ptx.PtxException>(() => InstructionRun
            .Execute($"mma.sync.aligned.{shape} {{%d0}}, {{%s0}}, {{%s0}}, {{%s0}};", ["b32"], ["b32"], [[0, 0]], 1))!.Message,
            Does.Contain(shape).And.Contain("m16n8k"));
}
