using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>Allocations larger than the host's memory, and launches of which only the ends run.</summary>
sealed class SparseMemoryTests
{
    const long Bytes = 32L << 30;

    /// <summary><c>far(y)</c>: y[i] = i, with i reckoned in 32 bits.</summary>
    const string Far = """
        .version 7.8
        .target sm_80
        .address_size 64
        .visible .entry far(.param .u64 y)
        {
            .reg .b32 %r<5>;
            .reg .b64 %rd<4>;
            ld.param.u64 %rd1, [y];
            mov.u32 %r1, %ctaid.x;
            mov.u32 %r2, %ntid.x;
            mov.u32 %r3, %tid.x;
            mad.lo.s32 %r4, %r1, %r2, %r3;
            mul.wide.s32 %rd2, %r4, 4;
            add.s64 %rd3, %rd1, %rd2;
            st.global.u32 [%rd3], %r4;
            ret;
        }
        """;

    SmallGpu gpu = null!;

    [SetUp]
    public void Open()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("memory is not sparse on Windows");
        gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, MemoryBytes = 1L << 42, EdgeBlocks = 1 });
    }

    [TearDown]
    public void Close() => gpu?.Dispose();

    [Test]
    public void OnlyWhatIsTouchedTakesMemory()
    {
        long before = Environment.WorkingSet;
        using DeviceBuffer<byte> memory = gpu.Context.Allocate<byte>(Bytes);
        gpu.Context.DefaultStream.FillBytes(memory, 0, Bytes);
        memory.Upload([1, 2, 3], Bytes - 3);
        byte[] end = new byte[4];
        memory.Download(end, Bytes - 4);
        Assert.That(end, Is.EqualTo(new byte[] { 0, 1, 2, 3 }));
        // Filling it once more drops what was there.
        gpu.Context.DefaultStream.FillBytes(memory, 0, Bytes);
        memory.Download(end, Bytes - 4);
        Assert.That(end, Is.All.EqualTo(0));
        Assert.That(Environment.WorkingSet - before, Is.LessThan(1L << 30));
    }

    [Test]
    public void WhatWasNotWrittenIsNotZero()
    {
        using DeviceBuffer<uint> memory = gpu.Context.Allocate<uint>(Bytes / 4);
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(32);
        gpu.Copy(gpu.Context.DefaultStream, y, memory.Pointer + (Bytes / 2));
        Assert.That(Assert.Throws<CudaException>(gpu.Context.Synchronize)!.Message, Does.Contain("was never written"));
    }

    /// <summary>An index that overflows meets nobody else's memory, though other allocations are as large.</summary>
    [TestCase(1 << 23, true)]
    [TestCase((1 << 23) + 1, false)]
    public void AnIndexOf32BitsIsFound(int blocks, bool isRight)
    {
        using CudaModule module = gpu.Context.LoadModule(SmallGpu.Image(Far), "far.ptx");
        using DeviceBuffer<uint> before = gpu.Context.Allocate<uint>(1L << 32), y = gpu.Context.Allocate<uint>(1L << 32);
        module.GetKernel("far").Launch(gpu.Context.DefaultStream, blocks, 256, 0, y);
        if (isRight)
        {
            gpu.Context.Synchronize();
            uint[] last = new uint[1];
            y.Download(last, (256L * blocks) - 1);
            Assert.That(last[0], Is.EqualTo((256u * (uint)blocks) - 1));
            return;
        }
        CudaException error = Assert.Throws<CudaException>(gpu.Context.Synchronize)!;
        Assert.That(error.Result, Is.EqualTo(CudaResult.IllegalAddress));
        Assert.That(error.Message, Does.Contain($"block ({blocks - 1}, 0, 0)"));
    }
}
