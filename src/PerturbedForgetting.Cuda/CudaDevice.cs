using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A GPU: what it is and what it can do.</summary>
public sealed unsafe class CudaDevice
{
    CudaDevice(CudaDriverApi api, int ordinal, int handle, int driverVersion)
    {
        (Api, Ordinal, Handle, DriverVersion) = (api, ordinal, handle, driverVersion);
        ComputeCapability = 10 * Attribute(CudaDeviceAttribute.ComputeCapabilityMajor)
            + Attribute(CudaDeviceAttribute.ComputeCapabilityMinor);
    }

    /// <summary>The driver behind it.</summary>
    public CudaDriverApi Api { get; }

    /// <summary>Its number, from 0.</summary>
    public int Ordinal { get; }

    /// <summary>The driver's handle (<c>CUdevice</c>).</summary>
    public int Handle { get; }

    /// <summary>CUDA version of the driver: 1000·major + 10·minor.</summary>
    public int DriverVersion { get; }

    /// <summary>10·major + minor: 80 for an A100.</summary>
    public int ComputeCapability { get; }

    /// <summary>The product's name.</summary>
    public string Name
    {
        get
        {
            byte* name = stackalloc byte[256];
            Api.Check(Api.Call.DeviceGetName(name, 256, Handle));
            return Marshal.PtrToStringUTF8((nint)name)!;
        }
    }

    /// <summary>Its memory in bytes.</summary>
    public long TotalMemory
    {
        get
        {
            nuint bytes;
            Api.Check(Api.Call.DeviceTotalMem(&bytes, Handle));
            return (long)bytes;
        }
    }

    /// <summary>Its place on the bus: <c>0000:3b:00.0</c>.</summary>
    public string PciBusId
    {
        get
        {
            byte* text = stackalloc byte[32];
            Api.Check(Api.Call.DeviceGetPciBusId(text, 32, Handle));
            return Marshal.PtrToStringUTF8((nint)text)!;
        }
    }

    /// <summary>Number of multiprocessors.</summary>
    public int MultiprocessorCount => Attribute(CudaDeviceAttribute.MultiprocessorCount);

    /// <summary>One of its properties.</summary>
    public int Attribute(CudaDeviceAttribute attribute)
    {
        int value;
        Api.Check(Api.Call.DeviceGetAttribute(&value, attribute, Handle));
        return value;
    }

    /// <summary>The GPUs that a driver shows; none where there is no driver or no GPU.</summary>
    /// <exception cref="CudaException">The driver is there but does not work.</exception>
    public static IReadOnlyList<CudaDevice> All(CudaDriverApi api)
    {
        if (!api.IsSupported)
            return [];
        CudaResult started = api.Call.Init(0);
        if (started == CudaResult.NoDevice)
            return [];
        api.Check(started, "Init");
        int version, count;
        api.Check(api.Call.DriverGetVersion(&version));
        api.Check(api.Call.DeviceGetCount(&count));
        var devices = new CudaDevice[count];
        for (int i = 0; i < count; i++)
        {
            int handle;
            api.Check(api.Call.DeviceGet(&handle, i));
            devices[i] = new CudaDevice(api, i, handle, version);
        }
        return devices;
    }

    /// <summary>The device's primary context, which the CUDA libraries share.</summary>
    public CudaContext RetainPrimaryContext() => new(this);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} (compute capability {ComputeCapability / 10}.{ComputeCapability % 10})";
}
