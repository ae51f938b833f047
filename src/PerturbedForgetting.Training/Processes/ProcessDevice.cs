using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Processes;

/// <summary>What each of several processes of a machine takes of it.</summary>
static class ProcessDevice
{
    /// <summary>The device of a process: that of its number among those of its machine, where several GPUs are to be seen.</summary>
    /// <param name="name">As given: <c>auto</c>, <c>cuda</c> and so on.</param>
    /// <param name="world">The processes.</param>
    /// <exception cref="OptionException">It names one GPU for several processes.</exception>
    /// <exception cref="DeviceException">There are fewer GPUs than processes.</exception>
    public static string Of(string name, World world)
    {
        if (world.LocalSize == 1)
            return name;
        if (name.StartsWith("cuda:", StringComparison.Ordinal))
            throw new OptionException(new OptionProblem(RunOptions.DeviceOption.Flag, FormattableString.Invariant(
                $"{name} is one GPU, and {world.LocalSize} processes are on this machine, each of which needs its own; use cuda.")));
        return name is "auto" or "cuda" ? Of(name, world, Count()) : name;
    }

    /// <summary>The same where so many GPUs are to be seen.</summary>
    internal static string Of(string name, World world, int gpus) => gpus switch
    {
        0 => name,
        // Launchers may show each process one alone.
        1 => "cuda:0",
        _ when gpus < world.LocalSize => throw new DeviceException(FormattableString.Invariant(
            $"{world.LocalSize} processes are on this machine, and {gpus} GPUs: start no more processes than there are GPUs.")),
        _ => FormattableString.Invariant($"cuda:{world.LocalRank}"),
    };

    /// <summary>Threads of the CPU device where none are given: all processors, or this process's share of them.</summary>
    public static int ThreadsOf(World world) => ThreadsOf(world, Environment.ProcessorCount, ProcessorsOfMachine());

    /// <summary>The same for a machine.</summary>
    /// <param name="world">The processes.</param>
    /// <param name="own">Processors that this process may use; a launcher may have parted them already.</param>
    /// <param name="all">Processors in all, where that is known.</param>
    internal static int ThreadsOf(World world, int own, int? all) =>
        all is { } known && own * world.LocalSize <= known ? own : Math.Max(1, own / world.LocalSize);

    /// <summary>GPUs that the driver shows.</summary>
    public static int Count() => CudaDriverApi.Installed is { IsSupported: true } driver ? CudaDevice.All(driver).Count : 0;

    static int? ProcessorsOfMachine()
    {
        try
        {
            const string Online = "/sys/devices/system/cpu/online";
            // 0-3,6: what follows the last number's dash or comma is not needed, ranges are counted.
            return !File.Exists(Online) ? null : File.ReadAllText(Online).Trim().Split(',').Sum(static range =>
                range.Split('-') is [var first, var last]
                    ? int.Parse(last, System.Globalization.CultureInfo.InvariantCulture)
                        - int.Parse(first, System.Globalization.CultureInfo.InvariantCulture) + 1
                    : 1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }
}
