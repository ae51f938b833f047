using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

/// <summary>
/// Base of the tests of tensors above 2³¹ elements (2³² where <see cref="EnvironmentVariables.AllTests"/> is set): memory of which only
/// the touched pages exist, launches of which only the first and the last block run. An operation that treats the entries of the first
/// dimension alike must make of the first and the last of a great many what it makes of these few alone, bit for bit; that it makes the
/// right of few is what the other tests show.
/// </summary>
abstract class LargeTensorFixture() : KernelFixture(KernelDevices.SimulatedEdges)
{
    /// <summary>A tensor of the operation: its type, and the shape of an entry.</summary>
    protected sealed record Entries(DType Type, params int[] Shape)
    {
        public int Count => Shape.Aggregate(1, static (product, extent) => product * extent);

        public int Bytes => Count * Type.Size();
    }

    /// <summary>float32.</summary>
    protected static Entries Floats(params int[] shape) => new(DType.Float32, shape);

    // A grid-stride loop's step, in elements, divides this.
    const int Step = 1 << 21;

    static int strideBlocks = LaunchGrid.MostBlocks;

    /// <summary>A software GPU with more memory than the host that runs only the first and the last block of a launch. Unless all is asked
    /// for, a grid-stride loop gets as many blocks as end it in a turn, or in four where a thread does one element instead of four.
    /// </summary>
    public static SimulatedDeviceOptions Hardware(SimulatedDeviceOptions usual) => usual with
    {
        MemoryBytes = 1L << 42,
        EdgeBlocks = 1,
        ChangeGrid = static (_, grid) => grid == new Extent(LaunchGrid.MostBlocks) ? new Extent(strideBlocks) : grid,
    };

    /// <summary>The largest tensor has more elements than this.</summary>
    protected static long Least { get; } = EnvironmentVariables.AllTests.Value == "1" ? 1L << 32 : 1L << 31;

    [SetUp]
    public void SkipWithoutSparseMemory()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("memory is not sparse on Windows");
    }

    /// <summary>Zeros on the device that cost nothing until they are touched.</summary>
    protected Tensor Zeros(DType type, params int[] shape)
    {
        DeviceBuffer<byte> buffer = Scratch<byte>(new Shape(shape).Count * type.Size());
        Stream.FillBytes(buffer, 0, buffer.Bytes);
        return Wrap(buffer, type, shape);
    }

    /// <summary>Runs an operation on many entries and on the few at the ends alone.</summary>
    /// <param name="inputs">What is drawn: the entries at both ends, zeros between.</param>
    /// <param name="outputs">What is written.</param>
    /// <param name="run">The operation, given inputs and outputs, and the number of entries.</param>
    /// <param name="ends">Entries at each end: those of the first and of the last block.</param>
    /// <param name="count">Number of entries; 0 for as few as make the largest tensor larger than <see cref="Least"/>.</param>
    protected void CheckEnds(Entries[] inputs, Entries[] outputs, Action<Tensor[], Tensor[], int> run, int ends = 0, int count = 0)
    {
        Entries[] all = [.. inputs, .. outputs];
        int most = all.Max(static e => e.Count);
        // The last element is the last block's: tensors end where a turn of all blocks ends.
        int step = Math.Max(1, Step / all.Min(static e => e.Count & -e.Count));
        count = count > 0 ? count : checked((int)(((Least / most / step) + 1) * step));
        ends = ends > 0 ? ends : Math.Max(1, 256 / most);
        byte[][] drawn = Array.ConvertAll(inputs, e => Draw(e, 2 * ends));
        StrideOver((long)count * (outputs.Length > 0 ? outputs : inputs)[0].Count);
        (Tensor[] x, Tensor[] y) = Run(count);
        (Tensor[] fewX, Tensor[] fewY) = Run(2 * ends);
        for (int i = 0; i < all.Length; i++)
        {
            Tensor many = i < x.Length ? x[i] : y[i - x.Length], few = i < x.Length ? fewX[i] : fewY[i - x.Length];
            byte[] expected = BytesOf(few);
            AssertSame([.. BytesOf(many.Rows(0, ends)), .. BytesOf(many.Rows(count - ends, ends))], expected,
                $"tensor {i} of {all.Length}, {many}");
            // A few numbers may well be zero.
            Assert.That(expected.Length < 64 || expected.AsSpan().ContainsAnyExcept((byte)0), $"tensor {i} of {all.Length} shows nothing");
        }

        (Tensor[] X, Tensor[] Y) Run(int entries)
        {
            Tensor[] x = Array.ConvertAll(inputs, e => Zeros(e.Type, [entries, .. e.Shape]));
            Tensor[] y = Array.ConvertAll(outputs, e => Zeros(e.Type, [entries, .. e.Shape]));
            for (int i = 0; i < x.Length; i++)
            {
                int bytes = ends * inputs[i].Bytes;
                Backend.Upload(drawn[i].AsSpan(0, bytes), x[i].Rows(0, ends));
                Backend.Upload(drawn[i].AsSpan(bytes), x[i].Rows(entries - ends, ends));
            }
            run(x, y, entries);
            return (x, y);
        }
    }

    /// <summary>Grid-stride loops are over so many elements.</summary>
    protected static void StrideOver(long elements) =>
        strideBlocks = EnvironmentVariables.AllTests.Value == "1" ? LaunchGrid.MostBlocks : (int)Math.Max(elements / 1024, 1);

    /// <summary>Equal bytes; NUnit would look at each for long.</summary>
    protected static void AssertSame(ReadOnlySpan<byte> actual, ReadOnlySpan<byte> expected, string what)
    {
        int same = actual.CommonPrefixLength(expected);
        if (same < Math.Max(actual.Length, expected.Length))
            Assert.Fail($"byte {same} of {expected.Length} differs: {what}");
    }

    /// <summary>Some consecutive elements of a tensor.</summary>
    protected Tensor Part(Tensor x, long first, int count) =>
        new(x.Storage, (first * x.DType.Size()) + x.Address - x.Storage.Pointer, [count], x.DType, Device);

    /// <summary>A tensor's bytes.</summary>
    protected byte[] BytesOf(Tensor x)
    {
        byte[] bytes = new byte[x.Count * x.DType.Size()];
        Backend.Download(x, bytes);
        return bytes;
    }

    // Whole numbers are small: labels, places in a window.
    byte[] Draw(Entries e, int entries)
    {
        int count = entries * e.Count;
        return e.Type switch
        {
            DType.Float32 => MemoryMarshal.AsBytes<float>(Normal(count)).ToArray(),
            DType.Float64 => MemoryMarshal.AsBytes<double>(Array.ConvertAll(Normal(count), static v => (double)v)).ToArray(),
            DType.Int32 => MemoryMarshal.AsBytes<int>(Whole(count, 8)).ToArray(),
            DType.Int64 => MemoryMarshal.AsBytes<long>(Array.ConvertAll(Whole(count, 200), static v => (long)v)).ToArray(),
            _ => Array.ConvertAll(Whole(count, 200), static v => (byte)v),
        };
    }

    /// <summary>Launches y = f(x) with as many blocks as the elements want.</summary>
    protected void LaunchWide(string kernel, Tensor y, Tensor x, long count, int elementsOfThread) =>
        Library.Get(kernel).Launch(Stream, checked((int)LaunchGrid.Tiles(count, 256 * elementsOfThread)), 256, 0, CudaBackend.Pointer(y),
            CudaBackend.Pointer(x), count);
}
