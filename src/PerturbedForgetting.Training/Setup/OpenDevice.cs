using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Setup;

/// <summary>The device that the options name.</summary>
static class OpenDevice
{
    /// <summary>Opens it and passes on what a person should know about it.</summary>
    /// <exception cref="DeviceException">It is not there.</exception>
    public static Device From(RunOptions options, ITrainingObserver observer)
    {
        var how = new DeviceOptions { AllowTf32 = options.Precision == GpuPrecision.Tf32, IsDeterministic = options.Deterministic };
        var device = Device.Open(options.Device, how);
        foreach (string note in device.Notes)
            observer.Message(MessageLevel.Warning, note);
        return device;
    }
}
