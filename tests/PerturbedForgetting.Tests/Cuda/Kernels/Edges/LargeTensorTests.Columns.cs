using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

sealed partial class LargeTensorTests
{
    // So many groups of columns are not cut into parts, so that the last block has all rows of the last columns; and there are few rows.
    const int ManyColumns = 1 << 21, Edge = 16;

    /// <summary>Sums over rows: the first and the last columns.</summary>
    static (string, Action<LargeTensorTests>)[] Columns =>
    [
        .. WideAndOdd("sum_leading", 64, 16, static (t, group) => t.CheckColumns(group, 1, [1],
            static (b, x, y, _) => b.SumLeading(x[0], y[0], false))),
        .. WideAndOdd("batch_norm_statistics", 64, 16, static (t, group) => t.CheckColumns(group, 1, [5, 1, 1],
            static (b, x, y, ones) => b.BatchNormStatistics(x[0], ones[0], ones[0], 1e-5, y[0], y[1], y[2], 0.1, null))),
        .. WideAndOdd("batch_norm_gradients", 64, 16, static (t, group) => t.CheckColumns(group, 2, [1, 1],
            static (b, x, y, ones) => b.BatchNormBackward(x[0], x[1], false, null, ones[1], true,
                new(null, null, y[0], false, y[1], false)))),
        .. WideAndOdd("batch_norm_tangent_backward", 64, 16, static (t, group) => t.CheckColumns(group, 4, [1, 1],
            static (b, x, y, ones) => b.BatchNormBackwardTangent(x[0], x[1], x[2], x[3], false, null, ones[1], ones[0],
                new(null, null, y[0], false, y[1], false)))),
        ("batch_norm_frozen", static t => t.CheckFrozen()),
    ];

    /// <summary>An operation of a backend on inputs, outputs, and ones: one row, and five.</summary>
    delegate void ColumnOperation(Backend backend, Tensor[] x, Tensor[] y, Tensor[] ones);

    /// <summary>Inputs of many rows and columns, of which the first and the last are drawn and zeros lie between, and outputs of a few
    /// rows: their first and last columns are those of the CPU's matrix of these columns alone.</summary>
    void CheckColumns(int group, int inputs, int[] outputs, ColumnOperation run)
    {
        // Not divisible by 4: the form of one column a thread.
        int missing = group == Edge ? 1 : 0, columns = ManyColumns - missing, last = Edge - missing, few = Edge + last;
        int rows = (int)(Least / columns) + 1;
        float[] drawn = Normal(inputs * 2 * few);
        Tensor[] y = Run(columns, shape => Zeros(F32, shape), Part, Backend);
        Tensor[] expected = Run(few, static shape => OnCpu(new float[new Shape(shape).Count], shape),
            static (t, first, count) => t.View([(int)t.Count]).Rows((int)first, count), Device.Cpu.Backend);
        for (int o = 0; o < y.Length; o++)
        {
            float[] wanted = expected[o].ToArray<float>();
            for (int row = 0; row < outputs[o]; row++)
            {
                long start = (long)row * columns;
                AssertClose((float[])[.. Part(y[o], start, Edge).ToArray<float>(),
                    .. Part(y[o], start + columns - last, last).ToArray<float>()], wanted.AsSpan(row * few, few), 1e-2, 1e-4,
                    $"output {o}, row {row}");
            }
        }

        Tensor[] Run(int width, Func<int[], Tensor> zeros, Func<Tensor, long, int, Tensor> part, Backend backend)
        {
            Tensor[] x = [.. Enumerable.Range(0, inputs).Select(_ => zeros([rows, width]))];
            Tensor[] y = [.. outputs.Select(n => n == 1 ? zeros([width]) : zeros([n, width]))], ones = [zeros([width]), zeros([5, width])];
            foreach (Tensor t in ones)
                backend.Fill(t, 1);
            int at = 0;
            foreach (Tensor input in x)
            {
                foreach (long start in (long[])[0, (long)(rows - 1) * width])
                {
                    backend.Upload(MemoryMarshal.AsBytes(drawn.AsSpan(at, Edge)), part(input, start, Edge));
                    backend.Upload(MemoryMarshal.AsBytes(drawn.AsSpan(at + Edge, last)), part(input, start + width - last, last));
                    at += few;
                }
            }
            run(backend, x, y, ones);
            return y;
        }
    }

    /// <summary>Five numbers a channel are saved, of as many channels as are taken.</summary>
    void CheckFrozen()
    {
        const int Step = 2048 * 256, Channels = int.MaxValue / 5 / Step * Step;
        Tensor mean = Zeros(F32, Channels), saved = Zeros(F32, 5, Channels), few = Output(5, 2 * Edge);
        float[] drawn = Normal(2 * Edge);
        Backend.Upload(MemoryMarshal.AsBytes(drawn.AsSpan(0, Edge)), Part(mean, 0, Edge));
        Backend.Upload(MemoryMarshal.AsBytes(drawn.AsSpan(Edge)), Part(mean, Channels - Edge, Edge));
        StrideOver(Channels);
        Tensor zeros = Zeros(F32, Channels), fewZeros = Zeros(F32, 2 * Edge);
        Backend.BatchNormFrozen(zeros, zeros, mean, zeros, 1e-5, saved);
        Backend.BatchNormFrozen(fewZeros, fewZeros, Input(drawn), fewZeros, 1e-5, few);
        for (int row = 0; row < 5; row++)
        {
            long start = (long)row * Channels;
            Assert.That((byte[])[.. BytesOf(Part(saved, start, Edge)), .. BytesOf(Part(saved, start + Channels - Edge, Edge))],
                Is.EqualTo(BytesOf(Part(few, row * 2 * Edge, 2 * Edge))), $"row {row}");
        }
    }

    /// <summary>Passes over an arena: tiles and runs that lie anywhere.</summary>
    static (string, Action<LargeTensorTests>)[] Arena =>
    [
        Pass("squared_norm", 1, 1, static (t, b, result, control, tiles) => [result, t.Scratch<double>(8), b[0], b[0], 0, tiles]),
        Pass("products", 2, 3, static (t, b, result, control, tiles) => [result, t.Scratch<double>(8), b[0], b[1], b[0], 1, tiles]),
        Pass("step_along", 3, 0, static (t, b, result, control, tiles) =>
            [b[0], b[1], b[2], 1, control, control, 1.0, DevicePointer.Null, tiles]),
        Pass("combine", 3, 0, static (t, b, result, control, tiles) => [b[0], b[1], b[2], b[1], 1, control, 0.5, 1, tiles]),
        Pass("accumulate", 3, 0, static (t, b, result, control, tiles) => [b[0], b[1], b[2], b[1], 1, control, 0.5, 1, tiles], wide: 0),
        Pass("narrow", 2, 0, static (t, b, result, control, tiles) => [b[0], b[1], tiles], wide: 1),
        Pass("lerp", 2, 0, static (t, b, result, control, tiles) => [b[0], b[1], control, tiles]),
        Pass("sgd_update", 4, 0, static (t, b, result, control, tiles) =>
            [b[0], b[1], b[2], b[3], 1, control, 0.9, 1, control, tiles]),
        Pass("adam_update", 5, 0, static (t, b, result, control, tiles) =>
            [b[0], b[1], b[2], b[3], b[4], 0, control, 0.9, 0.99, 1e-8, 1, control, tiles]),
        Pass("fill_normal", 1, 0, static (t, b, result, control, runs) => [b[0], 1ul, 2ul, DevicePointer.Null, runs], areRuns: true),
    ];

    [StructLayout(LayoutKind.Sequential)]
    readonly record struct Tile(long Offset, int Length, int Trainable, double Decay);

    [StructLayout(LayoutKind.Sequential)]
    readonly record struct Run(long Offset, long Length, ulong Index);

    delegate KernelArgument[] Arguments(LargeTensorTests test, DevicePointer[] buffers, DevicePointer result, DevicePointer control,
        DevicePointer tiles);

    static (string, Action<LargeTensorTests>) Pass(string kernel, int buffers, int results, Arguments arguments, bool areRuns = false,
        int? wide = null) =>
        (kernel, t => t.CheckPass(kernel, buffers, results, arguments, areRuns, wide));

    /// <summary>Two tiles, of which the second lies far behind the first in one buffer and beside it in another; one of the buffers may be
    /// float64.</summary>
    void CheckPass(string kernel, int buffers, int results, Arguments arguments, bool areRuns, int? wide)
    {
        const int Length = 64;
        float[] drawn = [.. Normal(buffers * 2 * Length).Select(MathF.Abs)];
        byte[] far = Go(Least + Length), near = Go(Length);
        AssertSame(far, near, kernel);
        Assert.That(near, Has.Some.Not.EqualTo(0));

        byte[] Go(long second)
        {
            Tensor[] all = [.. Enumerable.Range(0, buffers)
                .Select(b => Zeros(b == wide ? F64 : F32, checked((int)((second + Length) / Length)), Length))];
            Tensor result = Zeros(F64, Math.Max(results, 1));
            for (int b = 0; b < buffers; b++)
            {
                Backend.Upload(Drawn(b, 0), Part(all[b], 0, Length));
                Backend.Upload(Drawn(b, 1), Part(all[b], second, Length));
            }
            DevicePointer table = areRuns
                ? Upload<Run>(new Run(0, Length, 0), new Run(second, Length, Length))
                : Upload<Tile>(new Tile(0, Length, 1, 0.01), new Tile(second, Length, 1, 0.01));
            // Learning rate, proceed, scale, steps; and coefficients, norm and radius of the other passes.
            DevicePointer control = Upload(0.1, 1.0, 0.5, 3.0, 0.0, 0.0);
            Library.Get(kernel).Launch(Stream, 2, 256, 0,
                arguments(this, Array.ConvertAll(all, CudaBackend.Pointer), CudaBackend.Pointer(result), control, table));
            return [.. all.SelectMany(b => BytesOf(Part(b, 0, Length)).Concat(BytesOf(Part(b, second, Length)))), .. BytesOf(result)];
        }

        ReadOnlySpan<byte> Drawn(int buffer, int tile)
        {
            float[] values = drawn[(((2 * buffer) + tile) * Length)..(((2 * buffer) + tile + 1) * Length)];
            return buffer == wide
                ? MemoryMarshal.AsBytes<double>(Array.ConvertAll(values, static v => (double)v))
                : MemoryMarshal.AsBytes<float>(values);
        }
    }
}
