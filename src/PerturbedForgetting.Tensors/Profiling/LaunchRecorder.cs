namespace PerturbedForgetting.Tensors.Profiling;

/// <summary>Records what is put on the streams of a device.</summary>
abstract class LaunchRecorder : IDisposable
{
    /// <summary>Names of the streams.</summary>
    public abstract IReadOnlyList<string> Streams { get; }

    /// <summary>Whether costs are counted by the device itself.</summary>
    public abstract bool IsInterpreted { get; }

    /// <summary>Ticks of the host's clock at which the device's time is 0.</summary>
    public abstract long Origin { get; }

    /// <summary>Says in which pass the host is.</summary>
    public Func<string?>? Pass { get; set; }

    /// <summary>Waits for the device and ends the recording.</summary>
    public abstract (IReadOnlyList<LaunchRecord> Launches, IReadOnlyList<ProfileEntry> Entries) Finish();

    /// <summary>Ends the recording, whatever has become of the device.</summary>
    public abstract void Dispose();
}
