using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>A software GPU of its own with a few kernels written in PTX.</summary>
sealed class SmallGpu : IDisposable
{
    const string Head = ".version 7.8\n.target sm_80\n.address_size 64\n";

    /// <summary><c>set(y, value)</c>, <c>add(y, value)</c>, <c>copy(y, x)</c>: one element of 32 bits a thread of one block;
    /// <c>wait()</c> never ends; <c>shared()</c> has 1024 bytes of static shared memory; <c>small()</c> takes at most 64 threads.</summary>
    const string Kernels = Head + """
        .visible .entry set(.param .u64 y, .param .u32 value)
        {
            .reg .b32 %r<3>;
            .reg .b64 %rd<4>;
            ld.param.u64 %rd1, [y];
            ld.param.u32 %r1, [value];
            mov.u32 %r2, %tid.x;
            mul.wide.u32 %rd2, %r2, 4;
            add.s64 %rd3, %rd1, %rd2;
            st.global.u32 [%rd3], %r1;
            ret;
        }

        .visible .entry add(.param .u64 y, .param .u32 value)
        {
            .reg .b32 %r<5>;
            .reg .b64 %rd<4>;
            ld.param.u64 %rd1, [y];
            ld.param.u32 %r1, [value];
            mov.u32 %r2, %tid.x;
            mul.wide.u32 %rd2, %r2, 4;
            add.s64 %rd3, %rd1, %rd2;
            ld.global.u32 %r3, [%rd3];
            add.s32 %r4, %r3, %r1;
            st.global.u32 [%rd3], %r4;
            ret;
        }

        .visible .entry copy(.param .u64 y, .param .u64 x)
        {
            .reg .b32 %r<3>;
            .reg .b64 %rd<6>;
            ld.param.u64 %rd1, [y];
            ld.param.u64 %rd2, [x];
            mov.u32 %r1, %tid.x;
            mul.wide.u32 %rd3, %r1, 4;
            add.s64 %rd4, %rd1, %rd3;
            add.s64 %rd5, %rd2, %rd3;
            ld.global.u32 %r2, [%rd5];
            st.global.u32 [%rd4], %r2;
            ret;
        }

        .visible .entry wait()
        {
        again:
            bra.uni again;
        }

        .visible .entry shared()
        {
            .shared .align 4 .b8 place[1024];
            ret;
        }

        .visible .entry small()
        .maxntid 64, 1, 1
        {
            ret;
        }
        """;

    public SmallGpu(SimulatedDeviceOptions? options = null)
    {
        Driver = new SimulatedDriver(options ?? new SimulatedDeviceOptions { Workers = 1 });
        Device = CudaDevice.All(Driver.Api)[0];
        Context = Device.RetainPrimaryContext();
        Module = Context.LoadModule(Image(Kernels), "small.ptx");
    }

    public SimulatedDriver Driver { get; }

    public CudaDriverApi Api => Driver.Api;

    public CudaDevice Device { get; }

    public CudaContext Context { get; }

    public CudaModule Module { get; }

    /// <summary>A PTX text as the driver wants it.</summary>
    public static byte[] Image(string text) => Encoding.UTF8.GetBytes(text + '\0');

    /// <summary>A module with one empty kernel and another head.</summary>
    public static byte[] ImageWith(string version, string target) =>
        Image($".version {version}\n.target {target}\n.address_size 64\n.visible .entry k()\n{{\n ret;\n}}\n");

    /// <summary>y[0..threads) = value.</summary>
    public void Set(CudaStream stream, DevicePointer y, uint value, int threads = 32) =>
        Module.GetKernel("set").Launch(stream, 1, threads, 0, y, value);

    /// <summary>y[0..threads) += value.</summary>
    public void Add(CudaStream stream, DevicePointer y, uint value, int threads = 32) =>
        Module.GetKernel("add").Launch(stream, 1, threads, 0, y, value);

    /// <summary>y[0..threads) = x[0..threads).</summary>
    public void Copy(CudaStream stream, DevicePointer y, DevicePointer x, int threads = 32) =>
        Module.GetKernel("copy").Launch(stream, 1, threads, 0, y, x);

    public void Dispose()
    {
        Context.Dispose();
        Driver.Dispose();
    }
}
