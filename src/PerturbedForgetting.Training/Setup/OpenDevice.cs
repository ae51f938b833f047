using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Setup;

/// <summary>The device that the options name.</summary>
static class OpenDevice
{
    /// <summary>Opens it and passes on what a person should know about it.</summary>
    /// <param name="options">Name it.</param>
    /// <param name="observer">Is told.</param>
    /// <param name="world">The processes of which each takes its own; none is this one alone.</param>
    /// <exception cref="DeviceException">It is not there.</exception>
    public static Device From(RunOptions options, ITrainingObserver observer, World? world = null)
    {
        var how = new DeviceOptions { AllowTf32 = options.Precision == GpuPrecision.Tf32, IsDeterministic = options.Deterministic };
        var device = Device.Open(ProcessDevice.Of(options.Device, world ?? World.Alone), how);
        if (device.IsCounting && options is not TrainOptions { Profile: > 0 })
        {
            device.Dispose();
            throw new DeviceException($"`device` {options.Device} executes nothing here ({EnvironmentVariables.SoftwareGpu}): it is good "
                + $"for {TrainOptions.ProfileOption} alone.");
        }
        if (device.IsCounting)
            observer.Message(MessageLevel.Warning, $"{options.Device} executes nothing ({EnvironmentVariables.SoftwareGpu}): losses are "
                + "zero, times mean nothing, and the run ends behind its profile.");
        foreach (string note in device.Notes)
            observer.Message(MessageLevel.Warning, note);
        return device;
    }
}
