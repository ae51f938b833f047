using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>ldmatrix against its definition: lane l of a matrix holds row l/4, columns 2(l mod 4) and the next; transposed, that place of
/// the transpose.</summary>
public class MatrixLoadTests
{
    const int RowStride = 48;

    static string Kernel(int count, bool isTransposed, string form, string change = "") => $"""
        .reg .pred %p<2>;
        .reg .b32 %r<16>;
        .reg .b64 %rd<16>;
        .shared .align 16 .b8 tile[{32 * RowStride}];
        ld.param.u64 %rd1, [source];
        ld.param.u64 %rd2, [target];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd3, %r1, {RowStride};
        add.u64 %rd4, %rd1, %rd3;
        mov.u64 %rd5, tile;
        add.u64 %rd6, %rd5, %rd3;
        ld.global.v4.u32 [], [];
        st.shared.v4.u32 [], [];
        bar.sync 0;
        {(form.Length == 0 ? "cvta.shared.u64 %rd6, %rd6;" : "")}
        {change}
        ldmatrix.sync.aligned.m8n8.x{count}{(isTransposed ? ".trans" : "")}{form}.b16 {Registers(count)}, [%rd6];
        mul.wide.u32 %rd7, %r1, {4 * count};
        add.u64 %rd7, %rd7, %rd2;
        {string.Join('\n', Enumerable.Range(0, count).Select(m => $"st.global.u32 [%rd7+{4 * m}], %r{5 + m};"))}
        ret;
        """.Replace("ld.global.v4.u32 [], []", "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd4]", StringComparison.Ordinal)
        .Replace("st.shared.v4.u32 [], []", "st.shared.v4.u32 [%rd6], {%r5, %r6, %r7, %r8}", StringComparison.Ordinal);

    static string Registers(int count) =>
        count == 1 ? "%r5" : "{" + string.Join(", ", Enumerable.Range(5, count).Select(r => $"%r{r}")) + "}";

    [Test]
    public void EveryLaneReceivesItsElements([Values(1, 2, 4)] int count, [Values] bool isTransposed,
        [Values(".shared", ".shared::cta", "")] string form)
    {
        Random random = Device.Random();
        var source = new ushort[32 * RowStride / 2];
        for (int k = 0; k < source.Length; k++)
            source[k] = (ushort)random.Next(65536);
        using Device device = Device.OfKernel(".param .u64 source, .param .u64 target", Kernel(count, isTransposed, form));
        ulong target = device.Allocate(4 * 32 * count);
        device.Launch("k", new Extent(1), new Extent(32), device.Upload(source), target);
        ushort[] result = device.Download<ushort>(target, 2 * 32 * count);
        ushort Element(int matrix, int row, int column) => source[(((8 * matrix) + row) * RowStride / 2) + column];
        for (int lane = 0; lane < 32; lane++)
        {
            for (int m = 0; m < count; m++)
            {
                for (int half = 0; half < 2; half++)
                {
                    int row = lane / 4, column = (2 * (lane % 4)) + half;
                    Assert.That(result[(2 * ((lane * count) + m)) + half], Is.EqualTo(isTransposed
                        ? Element(m, column, row)
                        : Element(m, row, column)), $"lane {lane}, matrix {m}, half {half}");
                }
            }
        }
        // Rows of 48 bytes: the 8 rows of a matrix begin at banks 0, 12, 24, 4, 16, 28, 8, 20, so all banks serve once.
        Assert.That((device.Counters.SharedRequests, device.Counters.BankConflicts), Is.EqualTo((2, 0)));
    }

    [Test]
    public void RowsOfOneBankConflict()
    {
        using Device device = Device.OfKernel(".param .u64 source, .param .u64 target", Kernel(1, false, ".shared")
            .Replace(RowStride.ToString(System.Globalization.CultureInfo.InvariantCulture) + ";", "128;", StringComparison.Ordinal)
            .Replace($"tile[{32 * RowStride}]", "tile[4096]", StringComparison.Ordinal));
        device.Launch("k", new Extent(1), new Extent(32), device.Upload(new byte[4096]), device.Allocate(128));
        // The store: 4 phases of 8 lanes, 7 more passes each; the load: one matrix.
        Assert.That(device.Counters.BankConflicts, Is.EqualTo(28 + 7));
    }

    [Test]
    public void Mistakes()
    {
        Assert.That(Refused(FaultKind.Misaligned, "add.u64 %rd6, %rd6, 8;"), Does.Contain("not a multiple of 16"));
        Assert.That(Refused(FaultKind.OutOfBounds, $"add.u64 %rd6, %rd6, {RowStride};"), Does.Contain("thread (31, 0, 0)"));
        Assert.That(Refused(FaultKind.Uninitialized, "add.u64 %rd6, %rd6, 16;"), Does.Contain("never written"));
        Assert.That(Refused(FaultKind.WrongShuffle, "setp.eq.u32 %p1, %r1, 3;\n@%p1 exit;"),
            Does.Contain("thread (3, 0, 0): all 32 lanes must execute ldmatrix"));
    }

    static string Refused(FaultKind kind, string change)
    {
        using Device device = Device.OfKernel(".param .u64 source, .param .u64 target", Kernel(4, false, ".shared", change));
        ulong source = device.Upload(new byte[32 * RowStride]), target = device.Allocate(512);
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(1), new Extent(32), source, target))!;
        Assert.That(fault.Kind, Is.EqualTo(kind), fault.Message);
        return fault.Message;
    }
}
