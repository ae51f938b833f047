using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

/// <summary>
/// Every kernel whose dynamic shared memory grows with the shape, at the sizes where it no longer fits what a block has without asking (48
/// KiB, static shared memory included) and what it may have at the most, which depends on the card.
/// </summary>
[TestFixture(KernelDevices.SimulatedCard + "a100")]
[TestFixture(KernelDevices.SimulatedCard + "rtx4090")]
[TestFixture(KernelDevices.SimulatedCard + "h100")]
sealed class SharedMemoryTests(string device) : KernelFixture(device)
{
    /// <summary>An operation over rows of a last dimension.</summary>
    /// <param name="Kernel">The kernel of many columns, without _odd.</param>
    /// <param name="BytesOfColumn">Dynamic shared memory of a column.</param>
    /// <param name="Run">Puts it on a backend.</param>
    /// <param name="HasOdd">Whether there is another form for columns not divisible by 4.</param>
    /// <param name="IsLimited">False where it does without, when it does not fit what needs no asking.</param>
    sealed record RowOperation(string Kernel, int BytesOfColumn, Action<Backend, Rows> Run, bool HasOdd = true, bool IsLimited = true)
    {
        public override string ToString() => Kernel;
    }

    /// <summary>Tensors of two rows: inputs drawn before, outputs poisoned.</summary>
    sealed record Rows(Tensor X, Tensor Dy, Tensor Weight, Tensor Bias, Tensor Statistics, Tensor Labels, Tensor Y, Tensor Saved,
        Tensor DWeight, Tensor DBias, Tensor Loss);

    static readonly RowOperation[] operations =
    [
        new("softmax", 4, static (b, r) => b.Softmax(r.X, r.Y)),
        new("softmax_log", 4, static (b, r) => b.LogSoftmax(r.X, r.Y)),
        new("softmax_backward", 8, static (b, r) => b.SoftmaxBackward(r.Dy, r.X, r.Y), IsLimited: false),
        new("softmax_log_backward", 8, static (b, r) => b.LogSoftmaxBackward(r.Dy, r.X, r.Y), IsLimited: false),
        new("layer_norm", 4, static (b, r) => b.LayerNorm(r.X, r.Weight, r.Bias, 1e-5, r.Y, r.Saved)),
        new("layer_norm", 4, static (b, r) => b.AddLayerNorm(r.X, r.Dy, r.Weight, r.Bias, 1e-5, r.Y, r.DWeight, r.Saved)),
        new("layer_norm_backward", 16, static (b, r) => b.LayerNormBackward(r.Dy, r.X, r.Weight, r.Statistics,
            new(r.Y, false, r.DWeight, false, r.DBias, false))),
        new("cross_entropy", 4, static (b, r) => b.CrossEntropy(r.X, r.Labels, 0.1, r.Loss, r.Y), HasOdd: false),
        new("output_bias_forget", 4, static (b, r) => b.OutputBiasForget(r.X, r.Labels, 1, 0.5, false, r.Loss, r.Y), HasOdd: false),
    ];

    [TestCaseSource(nameof(operations))]
    public void RowsOfEverySizeThatFitsAreComputedAndNoOthers(object value)
    {
        var operation = (RowOperation)value;
        Assert.Multiple(() =>
        {
            foreach (int columns in ColumnsAtThresholds(operation))
                Check(operation, columns);
        });
    }

    // One beside each threshold and on it, for both forms of the kernel.
    SortedSet<int> ColumnsAtThresholds(RowOperation operation)
    {
        SortedSet<int> columns = [];
        foreach (string form in operation.HasOdd ? (string[])["", "_odd"] : [""])
        {
            int step = operation.HasOdd && form.Length == 0 ? 4 : 1;
            foreach (int limit in (int[])[CapabilityLimits.SharedPerBlock, CapabilityLimits.SharedPerBlock - StaticOf(operation, form),
                OptIn - StaticOf(operation, form)])
            {
                int at = limit / operation.BytesOfColumn / step * step;
                columns.UnionWith([at - step, at, at + step]);
            }
        }
        return columns;
    }

    int OptIn => Context.Device.Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn);

    int StaticOf(RowOperation operation, string form) => Library.Get(operation.Kernel + form).SharedBytes;

    void Check(RowOperation operation, int columns)
    {
        long needed = (long)operation.BytesOfColumn * columns;
        int most = OptIn - StaticOf(operation, operation.HasOdd && columns % 4 != 0 ? "_odd" : "");
        float[][] drawn = [Normal(2 * columns), Normal(2 * columns), Normal(columns), Normal(columns), Uniform(6, 0.5, 1)];
        Rows rows = OnDevice(drawn, columns);
        if (operation.IsLimited && needed > most)
        {
            string? message = Assert.Throws<DeviceLimitException>(() => operation.Run(Backend, rows), $"{columns} columns")?.Message;
            Assert.That(message, Does.Contain($"{columns} ").And.Contain($"{needed} bytes").And.Contain($"{most}"));
            return;
        }
        operation.Run(Backend, rows);
        Rows expected = OnProcessor(drawn, columns);
        operation.Run(Device.Cpu.Backend, expected);
        foreach ((Tensor actual, Tensor wanted) in (ReadOnlySpan<(Tensor, Tensor)>)[(rows.Y, expected.Y), (rows.DWeight, expected.DWeight),
            (rows.DBias, expected.DBias), (rows.Loss, expected.Loss)])
            AssertClose(actual.ToArray<float>(), wanted.ToArray<float>(), 1e-3, 5e-3, $"{operation} of {columns} columns");
    }

    Rows OnDevice(float[][] drawn, int columns) => new(Input(drawn[0], 2, columns), Input(drawn[1], 2, columns), Input(drawn[2]),
        Input(drawn[3]), Input(drawn[4], 2, 3), Input([1, 2]), Output(2, columns), Output(2, 3), Output(2, columns), Output(2, columns),
        Output(1));

    static Rows OnProcessor(float[][] drawn, int columns) => new(OnCpu(drawn[0], 2, columns), OnCpu(drawn[1], 2, columns), OnCpu(drawn[2]),
        OnCpu(drawn[3]), OnCpu(drawn[4], 2, 3), OnCpu([1, 2]), Nothing(2, columns), Nothing(2, 3), Nothing(2, columns),
        Nothing(2, columns), Nothing(1));

    static Tensor Nothing(params int[] shape)
    {
        Tensor t = Tensor.Persistent(new Shape(shape));
        Device.Cpu.Backend.Fill(t, double.NaN);
        return t;
    }

    /// <summary>Four rows of an image, each with a byte of padding, and the constants of its one channel.</summary>
    [Test]
    public void ImagesOfEveryWidthThatFitsAreComputedAndNoOthers()
    {
        int taken = Library.Get("normalize_images").SharedBytes;
        foreach (int limit in (int[])[CapabilityLimits.SharedPerBlock, CapabilityLimits.SharedPerBlock - taken, OptIn - taken])
        {
            int widest = ((limit - 8) / 4) - 1;
            for (int width = widest - 1; width <= widest + 1; width++)
            {
                Tensor x = Input(new byte[5 * width], 1, 5, width, 1), zero = Input([1f]), one = Input([2f]), y = Output(1, 5, width, 1);
                if ((4 * (width + 1)) + 8 > OptIn - taken)
                    Assert.That(() => Backend.NormalizeImages(x, null, zero, one, y),
                        Throws.TypeOf<DeviceLimitException>().With.Message.Contain("too wide"));
                else
                {
                    Backend.NormalizeImages(x, null, zero, one, y);
                    Assert.That(y.ToArray<float>(), Is.All.EqualTo(-0.5f));
                }
            }
        }
    }

    /// <summary>The widest heads of every kind of units, which take the most.</summary>
    [TestCase(AttentionUnits.Float32)]
    [TestCase(AttentionUnits.Tf32)]
    [TestCase(AttentionUnits.Bfloat16)]
    public void AttentionFitsEveryCard(AttentionUnits units)
    {
        const int Tokens = 3, Width = 128;
        float[] drawn = Normal(Tokens * 3 * Width);
        Tensor qkv = Input(drawn, 1, Tokens, 3 * Width), y = Output(1, Tokens, Width), statistics = Output(1, 1, Tokens, 2);
        Backend.Attention(units, qkv, 1, 0.1, y, statistics);
        Backend.AttentionBackward(units, Input(Normal(Tokens * Width), 1, Tokens, Width), y, qkv, statistics, 1, 0.1,
            Output(1, Tokens, 3 * Width));
        Stream.Synchronize();
    }
}
