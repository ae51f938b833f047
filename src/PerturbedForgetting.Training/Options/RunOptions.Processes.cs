using System.Globalization;
using static PerturbedForgetting.Training.Options.ResumeRule;

namespace PerturbedForgetting.Training.Options;

/// <summary>Many processes: how they are started, and how long they wait for each other.</summary>
public abstract partial record RunOptions
{
    /// <summary>The value of <see cref="Gpus"/> that stands for every GPU of the machine.</summary>
    internal const string AllGpus = "all";

    internal static readonly OptionTopic<RunOptions> ProcessesTopic = new("Processes");

    /// <summary>GPUs of this machine to run on, a process each: a number, or <c>all</c>; null is one process.</summary>
    public string? Gpus { get => GpusOption[this]; set => GpusOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> GpusOption =
        ProcessesTopic.Option<string?>("gpus", null, "GPUs of this machine, a process each, started by this one: a number, or all")
            .RefusedWhen(o => o.Gpus is not null and not AllGpus && o.GpuCount is null, o =>
                $"takes a number from 1 to {MostGpus.ToString(CultureInfo.InvariantCulture)}, or {AllGpus}, got '{o.Gpus}'.")
            .RefusedWhen(o => o.UsesSeveralGpus && o.Device == "cpu",
                "counts GPUs, and --device cpu has none; processes on processors are started by mpirun -np N.")
            .RefusedWhen(o => o.UsesSeveralGpus && o.Device.StartsWith("cuda:", StringComparison.Ordinal), o =>
                $"takes the first GPUs, one a process, and --device {o.Device} is one; leave either out. CUDA_VISIBLE_DEVICES chooses "
                + "among GPUs.")
            .OnResume(OfThisStart);

    /// <summary>Seconds that a process may be silent, or keep the others waiting, before they take it for gone.</summary>
    public double CommTimeout { get => CommTimeoutOption[this]; set => CommTimeoutOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double> CommTimeoutOption =
        ProcessesTopic.Option("comm-timeout", 600.0, "seconds after which a process that is silent, or keeps the others waiting, is gone")
            .Within(1, 604_800).OnResume(OfThisStart);

    const int MostGpus = 1024;

    /// <summary>The number of <see cref="Gpus"/>; null where it is none.</summary>
    internal int? GpuCount =>
        int.TryParse(Gpus, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MostGpus ? count : null;

    /// <summary>Whether more than one process may be meant.</summary>
    internal bool UsesSeveralGpus => Gpus is not null && GpuCount != 1;
}
