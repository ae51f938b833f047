using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tests.Tensors.Profiling;

/// <summary>While a device is open whose libraries include NVTX, its profiler hears of modules and operations.</summary>
[NonParallelizable]
sealed unsafe class NvtxRangesTests
{
    [ThreadStatic] static List<string>? heard;

    [Test]
    public void ModulesAndOperationsReachTheProfiler()
    {
        heard = [];
        Nvtx nvtx = Nvtx.From(static name => name == "nvtxRangePushA"
            ? (nint)(delegate* unmanaged<byte*, int>)&Push
            : (nint)(delegate* unmanaged<int>)&Pop, "libtest");
        var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        using (var device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries with { Nvtx = nvtx }, "sim", owned: driver))
        {
            Sequential net;
            using (Initialization.Begin(1, device))
                net = new Sequential(new Linear(2, 3));
            using var scope = Scope.Begin();
            Ops.Sum(net.Call(Tensor.From([1f, 2f], [1, 2], device))).Backward();
        }
        Assert.That(heard, Is.EqualTo(new[]
        {
            "Sequential", "0 (Linear)", "Linear", "/", "/", "/", "Sum", "/", "backward", "Sum backward", "/", "Linear backward", "/", "/",
        }));
        using (Ranges.Operation("after the device was closed"))
            Assert.That(heard, Has.Count.EqualTo(14));
    }

    [UnmanagedCallersOnly]
    static int Push(byte* name)
    {
        heard!.Add(Marshal.PtrToStringUTF8((nint)name)!);
        return 0;
    }

    [UnmanagedCallersOnly]
    static int Pop()
    {
        heard!.Add("/");
        return 0;
    }
}
